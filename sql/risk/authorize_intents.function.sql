-- The one way to a reservation. Locks come first and in one order: wide budgets (only those
-- that the pack limits), then accounts by id. Items of one call see one another, because each
-- is judged by statements of its own.
create or replace function risk.authorize_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_policy risk.policies;
  v_limits risk.limits[];
  v_reaches text[];
  v_accounts text[];
  v_sigmas jsonb;
  v_rates jsonb;
  v_item jsonb;
  v_answer jsonb;
  v_answers jsonb := '[]';
begin
  select jsonb_agg(case when e.item ? 'proposal_id' then risk.approved_item(e.item)
                        else e.item end order by e.nr)
    into p_items
    from jsonb_array_elements(p_items) with ordinality as e(item, nr);
  select p.* into v_policy from risk.policies p where p.active;
  select array_agg(l), array_agg(distinct l.scope) filter (
           where k.summed and l.scope in ('platform', 'organization', 'venue'))
    into v_limits, v_reaches
    from risk.limits l join risk.limit_kinds() k on k.kind = l.kind
   where l.policy_hash = v_policy.policy_hash;
  v_reaches := array_append(coalesce(v_reaches, '{}'), 'account');

  perform risk.lock_budgets(p_items, v_reaches);
  select array_agg(distinct x.account_id) into v_accounts
    from jsonb_to_recordset(p_items) as x(account_id text);
  update risk.account_state s
     set day = d.today, day_start_equity = s.equity, realized_today = 0
    from (select (clock_timestamp() at time zone 'utc')::date as today) d
   where s.account_id = any (v_accounts) and s.day < d.today;

  select risk.daily_sigmas(array_agg(distinct h.symbol)) into v_sigmas
    from (select x.symbol from jsonb_to_recordset(p_items) as x(symbol text)
          union
          select p.symbol from public.positions p
           where p.quantity <> 0
             and ('platform' = any (v_reaches) or 'organization' = any (v_reaches)
                  or 'venue' = any (v_reaches) or p.account_id = any (v_accounts))
          union
          select r.symbol from risk.reservations r
           where r.released_at is null and r.account_id = any (v_accounts)) h;
  v_rates := risk.recent_rates(p_items, v_reaches);

  for v_item in
    select e.item from jsonb_array_elements(p_items) with ordinality as e(item, nr) order by e.nr
  loop
    v_answer := risk.authorize_one(v_item, v_policy, v_limits, v_reaches, v_rates, v_sigmas);
    if v_answer ->> 'decision' in ('authorized', 'trimmed')
       and not (v_answer ->> 'repeated')::boolean then
      v_rates := risk.count_intent(v_rates, v_item, v_reaches);
    end if;
    v_answers := v_answers || jsonb_build_array(v_answer);
  end loop;
  return v_answers;
end $$;
comment on function risk.authorize_intents(jsonb) is
  'Authorise, trim or deny a batch of intents in order, under locks; idempotent by intent_id.';
grant execute on function risk.authorize_intents(jsonb) to risk_agent;
