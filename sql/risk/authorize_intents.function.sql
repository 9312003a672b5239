-- The one way to a reservation. Locks come first and in one order: wide budgets (only those
-- that the pack limits), then accounts by id. Items of one call see one another: what an item
-- reserves is added to the book and to the rates that the next one is judged by.
create or replace function risk.authorize_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_policy record;
  v_authority jsonb;
  v_reaches text[];
  v_kinds text[];
  v_wide boolean;
  v_accounts text[];
  v_rates jsonb;
  v_book jsonb;
  v_conditions jsonb;
  v_read record;
  v_known public.intents;
  v_one record;
  v_left int := jsonb_array_length(p_items);
  v_decided jsonb := '[]';
  v_checks public.risk_checks[] := '{}';
  v_answer jsonb;
  v_answers jsonb[] := '{}';
begin
  if p_items @? '$[*].proposal_id' then
    select jsonb_agg(case when e.item ? 'proposal_id' then risk.approved_item(e.item)
                          else e.item end order by e.nr)
      into p_items
      from jsonb_array_elements(p_items) with ordinality as e(item, nr);
  end if;
  select array_agg(distinct e.item ->> 'account_id') into v_accounts
    from jsonb_array_elements(p_items) as e(item);
  select p.policy_hash, p.body, p.body -> 'windows' as windows into v_policy from risk.policies p where p.active;
  v_authority := v_policy.body -> 'authority';
  select array_agg(distinct l.scope) filter (
           where l.scope in ('platform', 'organization', 'venue')
             and l.kind in (select k.kind from risk.limit_kinds() k where k.summed)),
         array_agg(distinct l.kind) filter (
           where l.kind in ('basket_exposure_pct', 'counterparty_equity',
                            'adverse_selection_bps', 'rejection_rate_pct',
                            'news_distance_s_min')
              or l.kind = 'order_rate_per_minute' and l.scope in ('strategy', 'instrument'))
    into v_reaches, v_kinds
    from risk.limits l
   where l.policy_hash = v_policy.policy_hash;
  v_wide := v_reaches is not null;
  v_reaches := array_append(coalesce(v_reaches, '{}'), 'account');

  perform risk.lock_budgets(v_accounts, v_reaches);
  v_rates := risk.recent_rates(v_accounts, v_reaches);
  v_book := risk.read_book(v_accounts, v_wide);
  if v_kinds is not null or v_policy.windows <> '[]' or v_authority -> 'scaling' <> 'null'
     or exists (select from risk.cooldowns c where c.ended_at is null) then
    v_conditions := risk.read_conditions(
      p_items, v_accounts, v_kinds, v_authority, v_policy.windows);
  end if;

  for v_read in select r.* from risk.read_asked(p_items, v_policy.body) r loop
    v_left := v_left - 1;
    select n.* into v_known from public.intents n
     where n.intent_id = (v_read.item ->> 'intent_id')::uuid;
    if not found and v_decided @> jsonb_build_array(
         jsonb_build_object('intent_id', v_read.item -> 'intent_id')) then
      -- Asked twice in one batch: the second time it is looked up like any other.
      perform risk.keep_decisions(v_decided, v_checks, v_policy.policy_hash,
                                  (v_authority ->> 'intent_ttl_ms')::int);
      v_decided := '[]';
      v_checks := '{}';
      select n.* into v_known from public.intents n
       where n.intent_id = (v_read.item ->> 'intent_id')::uuid;
    end if;
    if v_known.intent_id is not null then
      v_answer := risk.recorded_answer(v_read.item, v_known,
                                       jsonb_build_object(v_known.symbol, v_read.sigma::text));
    elsif not v_read.known then
      -- Nothing of this desk's: the decision's trace is the record, no intent is made.
      v_answer := risk.unknown_answer(v_read.refusals, v_read.code, v_policy.policy_hash);
    else
      v_one := risk.authorize_one(v_read, v_policy.policy_hash, v_authority, v_book, v_reaches,
                                  v_rates -> v_read.account_id, v_conditions);
      v_answer := v_one.answer;
      v_decided := v_decided || v_one.decided;
      v_checks := v_checks || v_one.checks;
      if v_left > 0 and v_answer ->> 'code' is null then
        v_rates := risk.count_intent(v_rates, v_read.account_id);
        if v_conditions ? 'rates' then
          v_conditions := risk.count_condition(
            v_conditions, v_read.strategy_id, v_read.symbol);
        end if;
        v_book := risk.count_reservation(
          v_book, v_read, (v_answer ->> 'authorized_quantity')::numeric);
      end if;
    end if;
    v_answers := array_append(v_answers, v_answer || jsonb_build_object(
      'i', v_read.item -> 'i', 'intent_id', v_read.item -> 'intent_id',
      'requested_quantity', v_read.item ->> 'quantity',
      'intent', case when v_read.item ? 'proposal_id' then v_read.item end));
  end loop;
  perform risk.keep_decisions(v_decided, v_checks, v_policy.policy_hash,
                              (v_authority ->> 'intent_ttl_ms')::int);
  return to_jsonb(v_answers);
end $$;
comment on function risk.authorize_intents(jsonb) is
  'Authorise, trim or deny a batch of intents in order, under locks; idempotent by intent_id.';
grant execute on function risk.authorize_intents(jsonb) to risk_agent;
