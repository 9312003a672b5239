create or replace trigger market_bars_volatility
  after insert on public.market_bars
  referencing new table as fresh
  for each statement execute function risk.keep_volatility();
