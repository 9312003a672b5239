-- Not a definer: it runs inside the procedures that call it.
create or replace function risk.cross_rate(p_venue_id text, p_from text, p_to text)
returns numeric
language plpgsql stable as $$
declare
  v_rate numeric;
begin
  select (q.bid + q.ask) / 2 into v_rate
    from public.latest_quotes q where q.venue_id = p_venue_id and q.symbol = p_from || p_to;
  if v_rate is null then
    select 2 / (q.bid + q.ask) into v_rate
      from public.latest_quotes q where q.venue_id = p_venue_id and q.symbol = p_to || p_from;
  end if;
  return v_rate;
end $$;
comment on function risk.cross_rate(text, text, text) is
  'What one unit of a currency is worth in another at a venue, null without a quote of their pair. Internal.';
