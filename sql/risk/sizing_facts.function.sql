create or replace function risk.sizing_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_body jsonb;
  v_sizing jsonb;
  v_treasury jsonb;
  v_margin_rate text;
  v_item jsonb;
  v_instrument record;
  v_account record;
  v_quote record;
  v_book record;
  v_account_id text;
  v_balances jsonb;
  v_probability numeric;
  v_sigma numeric;
  v_record record;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  v_sizing := v_body -> 'sizing';
  v_treasury := v_body -> 'treasury';
  v_margin_rate := v_body #>> '{authority,margin_rate}';
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    -- Items of a batch mostly share one account.
    if i = 0 or v_account_id is distinct from v_item ->> 'account_id' then
      v_account_id := v_item ->> 'account_id';
      select a.org_id, a.venue_id, a.currency, s.account_id, s.equity, s.as_of into v_account
        from public.accounts a
        left join risk.account_state s on s.account_id = a.account_id
       where a.account_id = v_account_id;
      select jsonb_agg(jsonb_build_object(
               'currency', t.currency, 'cash', t.cash::text, 'equity', t.equity::text,
               'as_of', t.as_of) order by t.currency)
        into v_balances
        from treasury.balances t where t.org_id = v_account.org_id;
    end if;
    select n.symbol, n.contract_size, n.volume_min, n.volume_max, n.volume_step, n.digits
      into v_instrument
      from public.instruments n where n.symbol = v_item ->> 'symbol';
    select l.bid, l.ask, l.mid, l.received_at, l.rate, l.lot_value into v_quote
      from risk.lot_value(v_account.venue_id, v_instrument.symbol, v_account.currency) l
     where v_account.venue_id is not null;
    -- The worst case: everything reserved may fill, and may not.
    select coalesce(sum(b.quantity) filter (where b.own), 0) as quantity,
           coalesce(sum(b.buys) filter (where b.own), 0) as buys,
           coalesce(sum(b.sells) filter (where b.own), 0) as sells,
           coalesce(sum(greatest(b.quantity + b.buys, b.sells - b.quantity) * b.lot_value)
                      filter (where not b.own), 0) as gross_other,
           coalesce(bool_or(b.lot_value is null) filter (where not b.own), false) as unvalued
      into v_book
      from (select h.symbol = v_item ->> 'symbol' as own, h.quantity, h.buys, h.sells,
                   l.lot_value
              from (select u.symbol, sum(u.quantity) as quantity, sum(u.buys) as buys,
                           sum(u.sells) as sells
                      from (select p.symbol, p.quantity, 0 as buys, 0 as sells
                              from public.positions p
                             where p.account_id = v_account_id and p.quantity <> 0
                            union all
                            select r.symbol, 0,
                                   case r.side when 'BUY' then r.remaining_quantity else 0 end,
                                   case r.side when 'SELL' then r.remaining_quantity else 0 end
                              from risk.reservations r
                             where r.account_id = v_account_id and r.released_at is null) u
                     group by u.symbol) h
              left join lateral risk.lot_value(
                v_account.venue_id, h.symbol, v_account.currency) l on true) b;
    select h.probability into v_probability
      from public.hypotheses h where h.hypothesis_id = (v_item ->> 'hypothesis_id')::uuid;
    select d.sigma into v_sigma
      from risk.volatilities d where d.symbol = v_item ->> 'symbol' and d.good_until > v_now;
    select coalesce(max(r.trades), 0) as trades, coalesce(max(r.losses_in_row), 0) as losses
      into v_record
      from risk.strategy_records r where r.strategy_id = v_item ->> 'strategy_id';
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i',
      'instrument', case when v_instrument.symbol is not null then jsonb_build_object(
        'contract_size', v_instrument.contract_size::text,
        'volume_min', v_instrument.volume_min::text, 'volume_max', v_instrument.volume_max::text,
        'volume_step', v_instrument.volume_step::text, 'digits', v_instrument.digits) end,
      'account', case when v_account.account_id is not null then jsonb_build_object(
        'equity', v_account.equity::text, 'currency', v_account.currency,
        'as_of', v_account.as_of) end,
      'quote', case when v_quote.mid is not null then jsonb_build_object(
        'bid', v_quote.bid::text, 'ask', v_quote.ask::text,
        'received_at', v_quote.received_at) end,
      'rate', v_quote.rate::text,
      'current_quantity', case when v_account.venue_id is not null then
        (v_book.quantity + v_book.buys - v_book.sells)::text end,
      'gross_exposure', case when v_account.venue_id is not null and not v_book.unvalued then
        (v_book.gross_other
         + abs(v_book.quantity + v_book.buys - v_book.sells) * v_quote.lot_value)::text end,
      'probability', v_probability::text,
      'sigma', v_sigma::text,
      'trades', v_record.trades, 'losses_in_row', v_record.losses,
      'balances', v_balances,
      'margin_rate', v_margin_rate,
      'policy', v_sizing, 'treasury', v_treasury,
      'policy_hash', v_policy_hash, 'now', v_now));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function risk.sizing_facts(jsonb) is
  'What a size depends on: equity, instrument, quote and rate, position with what is reserved, volatility, the strategy''s record, treasury balances, and the pack''s numbers.';
grant execute on function risk.sizing_facts(jsonb) to portfolio_agent;
