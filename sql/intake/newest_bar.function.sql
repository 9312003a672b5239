-- p_have: the finished bar that the caller has read, as `M15@2026-11-21T03:30:00Z`, or null.
-- `reach`: how far back bars of that length are read; null where nothing newer is to be read.
create or replace function intake.newest_bar(
  p_symbol text, p_timeframe text, p_have text, p_now timestamptz,
  out timeframe text, out opened_at timestamptz, out reach interval, out ref text)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_length interval := case p_timeframe
    when 'M1' then interval '1 minute' when 'M3' then interval '3 minutes'
    when 'M5' then interval '5 minutes' when 'M15' then interval '15 minutes'
    when 'M30' then interval '30 minutes' when 'H1' then interval '1 hour'
    when 'H4' then interval '4 hours' when 'D1' then interval '1 day'
    when 'W1' then interval '7 days' end;
begin
  timeframe := p_timeframe;
  if split_part(p_have, '@', 1) = p_timeframe then
    opened_at := split_part(p_have, '@', 2)::timestamptz;
    if p_now < opened_at + 2 * v_length then
      -- The bar after it is not finished yet: what the caller holds is the newest there can be.
      ref := p_have;
      return;
    end if;
    opened_at := null;
  end if;
  select m.opened_at into opened_at
    from public.market_bars m
   where m.symbol = p_symbol and m.timeframe = p_timeframe
     and m.opened_at <= p_now - v_length
     and m.opened_at > p_now - greatest(400 * v_length, interval '7 days')
   order by m.opened_at desc limit 1;
  if opened_at is null and v_length is not null then
    -- Without bars of its own length: the next longer ones, else the next shorter.
    select f.timeframe, f.length, l.opened_at into timeframe, v_length, opened_at
      from (values ('M1', interval '1 minute'), ('M3', interval '3 minutes'),
                   ('M5', interval '5 minutes'), ('M15', interval '15 minutes'),
                   ('M30', interval '30 minutes'), ('H1', interval '1 hour'),
                   ('H4', interval '4 hours'), ('D1', interval '1 day'),
                   ('W1', interval '7 days')) as f(timeframe, length)
      cross join lateral (
        select m.opened_at from public.market_bars m
         where m.symbol = p_symbol and m.timeframe = f.timeframe
           and m.opened_at <= p_now - f.length
           and m.opened_at > p_now - greatest(400 * f.length, interval '7 days')
         order by m.opened_at desc limit 1) l
     where f.timeframe <> p_timeframe
     order by f.length < v_length, abs(extract(epoch from f.length - v_length))
     limit 1;
  end if;
  reach := interval '1 day' * greatest(7, 400 * extract(epoch from v_length) / 86400);
  ref := timeframe || '@'
    || to_char(opened_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
end $$;
comment on function intake.newest_bar(text, text, text, timestamptz) is
  'The newest finished bar of a symbol and timeframe, or of the next timeframe that has any; null without one. Internal.';
