-- The one way to a reservation. Locks come first and in one order: wide budgets (only those
-- that the pack limits), then accounts by id. Items of one call see one another, because each
-- is judged by statements of its own.
create or replace function risk.authorize_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = ''
-- The judging query is large: planned once a session, not once an intent.
set plan_cache_mode = 'force_generic_plan' as $$
declare
  v_policy risk.policies;
  v_limits risk.limits[];
  v_reaches text[];
  v_accounts text[];
  v_sigmas jsonb;
  v_rates jsonb;
  v_read record;
  v_known public.intents;
  v_one record;
  v_checks public.risk_checks[] := '{}';
  v_answers jsonb := '[]';
begin
  select jsonb_agg(case when e.item ? 'proposal_id' then risk.approved_item(e.item)
                        else e.item end order by e.nr)
    into p_items
    from jsonb_array_elements(p_items) with ordinality as e(item, nr);
  select array_agg(distinct e.item ->> 'account_id') into v_accounts
    from jsonb_array_elements(p_items) as e(item);
  select p.* into v_policy from risk.policies p where p.active;
  select array_agg(l), array_agg(distinct l.scope) filter (
           where k.summed and l.scope in ('platform', 'organization', 'venue'))
    into v_limits, v_reaches
    from risk.limits l join risk.limit_kinds() k on k.kind = l.kind
   where l.policy_hash = v_policy.policy_hash;
  v_reaches := array_append(coalesce(v_reaches, '{}'), 'account');

  perform risk.lock_budgets(v_accounts, v_reaches);
  update risk.account_state s
     set day = d.today, day_start_equity = s.equity, realized_today = 0
    from (select (clock_timestamp() at time zone 'utc')::date as today) d
   where s.account_id = any (v_accounts) and s.day < d.today;
  v_sigmas := risk.daily_sigmas(risk.book_symbols(p_items, v_accounts, v_reaches));
  v_rates := risk.recent_rates(v_accounts, v_reaches);

  for v_read in select r.* from risk.read_intents(p_items, v_policy.body) r loop
    select n.* into v_known from public.intents n
     where n.intent_id = (v_read.item ->> 'intent_id')::uuid;
    if found then
      select risk.recorded_answer(v_read.item, v_known, v_sigmas) as answer,
             '{}'::public.risk_checks[] as checks into v_one;
    elsif not v_read.known then
      -- Nothing of this desk's: the decision's trace is the record, no intent is made.
      select risk.unknown_answer(v_read.refusals, v_read.code, v_policy.policy_hash) as answer,
             '{}'::public.risk_checks[] as checks into v_one;
    else
      select o.* into v_one
        from risk.authorize_one(
          v_read.item, v_read.fact, v_read.refusals, v_read.code, v_read.lot, v_read.drawdown,
          v_policy, v_limits, v_reaches, v_rates, v_sigmas) o;
      if v_one.answer ->> 'code' is null then
        v_rates := risk.count_intent(v_rates, v_read.item ->> 'account_id');
      end if;
    end if;
    v_checks := v_checks || v_one.checks;
    v_answers := v_answers || jsonb_build_array(v_one.answer || jsonb_build_object(
      'i', v_read.item -> 'i', 'intent_id', v_read.item -> 'intent_id',
      'requested_quantity', v_read.item ->> 'quantity',
      'intent', case when v_read.item ? 'proposal_id' then v_read.item end));
  end loop;
  insert into public.risk_checks
    (intent_id, limit_kind, scope, scope_id, limit_value, observed, projected, unit, outcome,
     code, checked_at)
  select c.intent_id, c.limit_kind, c.scope, c.scope_id, c.limit_value, c.observed, c.projected,
         c.unit, c.outcome, c.code, c.checked_at
    from unnest(v_checks) c;
  return v_answers;
end $$;
comment on function risk.authorize_intents(jsonb) is
  'Authorise, trim or deny a batch of intents in order, under locks; idempotent by intent_id.';
grant execute on function risk.authorize_intents(jsonb) to risk_agent;
