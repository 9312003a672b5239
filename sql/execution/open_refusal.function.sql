-- The world may have moved since the intent was authorised: everything that can go stale is
-- looked at again. Both the reading and the opening procedure ask here, so that they agree.
create or replace function execution.open_refusal(p_intent public.intents, p_policy_hash text)
returns text
language plpgsql stable as $$
begin
  return (
  select case
           when p_intent.intent_id is null or p_intent.state <> 'authorized'
             or not exists (select from risk.reservations r
                             where r.intent_id = p_intent.intent_id and r.released_at is null)
             then 'TR401'
           when p_intent.expires_at <= clock_timestamp() then 'TR408'
           when p_intent.policy_hash is distinct from p_policy_hash then 'TR307'
           when not p_intent.reduce_only and governance.standing_halt(
                  p_intent.org_id, p_intent.venue_id, p_intent.account_id, p_intent.strategy_id,
                  p_intent.symbol) is not null
             then 'TR403'
           when a.state is distinct from 'active' or a.venue_id <> p_intent.venue_id
             then 'TR305'
           when q.mid is null or q.mid <= 0 then 'TR302'
           when l.quote_age_ms is null or l.price_collar_bps is null then 'TR301'
           when extract(epoch from clock_timestamp() - q.received_at) * 1000 > l.quote_age_ms
             then 'TR303'
           when 10000 * abs(p_intent.reference_price - q.mid) > l.price_collar_bps * q.mid
             then 'TR318'
         end
    from (select 1) as one
    left join public.accounts a on a.account_id = p_intent.account_id
    left join lateral (
      select (u.bid + u.ask) / 2 as mid, u.received_at from public.latest_quotes u
       where u.venue_id = p_intent.venue_id and u.symbol = p_intent.symbol) q on true
    cross join lateral (
      select min(m.value) filter (where m.kind = 'quote_age_ms') as quote_age_ms,
             min(m.value) filter (where m.kind = 'price_collar_bps') as price_collar_bps
        from risk.limits m
       where m.policy_hash = p_policy_hash and m.kind in ('quote_age_ms', 'price_collar_bps')
         and (m.scope_id = '*' or m.scope_id = case m.scope
                when 'organization' then p_intent.org_id when 'account' then p_intent.account_id
                when 'strategy' then p_intent.strategy_id when 'instrument' then p_intent.symbol
                when 'venue' then p_intent.venue_id end)) l);
end $$;
comment on function execution.open_refusal(public.intents, text) is
  'The code for which an intent may not become orders now, or null. Called by other procedures only.';
