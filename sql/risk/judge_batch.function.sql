-- Items of one call see one another: what an item reserves is added to the book and to the rates
-- that the next one is judged by. p_sliced: against slices of what is shared instead of against
-- the book of everyone; `beyond_slices` says that they do not reach, and nothing else then.
-- p_enrolled: strategies of the batch that have several accounts, with all of them.
create or replace function risk.judge_batch(
  p_items jsonb, p_accounts text[], p_batch record, p_sliced boolean, p_enrolled jsonb,
  out answers jsonb[], out decided jsonb[], out checks public.risk_checks[], out book jsonb,
  out beyond_slices boolean)
language plpgsql as $$
declare
  v_whole boolean := p_batch.wide is not null and not p_sliced;
  v_slices jsonb;
  v_rates jsonb;
  v_conditions jsonb;
  v_known_ids uuid[];
  v_seen uuid[] := '{}';
  v_read record;
  v_known public.intents;
  v_one record;
  v_left int := jsonb_array_length(p_items);
  v_answer jsonb;
begin
  answers := '{}';
  decided := '{}';
  checks := '{}';
  beyond_slices := false;
  p_batch.reaches := array_append(case when v_whole then p_batch.wide end, 'account');
  perform risk.lock_budgets(p_accounts, p_batch.wide, p_sliced);
  if p_sliced then
    v_slices := risk.read_slices(p_accounts, p_batch.policy_hash);
    if v_slices is null then
      beyond_slices := true;
      return;
    end if;
  end if;
  v_rates := risk.recent_rates(p_accounts, p_batch.reaches);
  book := risk.read_book(p_accounts, v_whole);
  if p_enrolled is not null then
    p_batch.reaches := array_append(p_batch.reaches, 'strategy');
  end if;
  if p_batch.kinds is not null or p_batch.body -> 'windows' <> '[]'
     or p_batch.body #> '{authority,scaling}' <> 'null'
     or exists (select from risk.cooldowns c where c.ended_at is null) then
    v_conditions := risk.read_conditions(
      p_items, p_accounts, p_batch.kinds, p_batch.body -> 'authority',
      p_batch.body -> 'windows');
  end if;
  if p_enrolled is not null then
    v_conditions := coalesce(v_conditions, '{}') || jsonb_build_object('enrolled', p_enrolled);
  end if;
  select array_agg(n.intent_id) into v_known_ids
    from public.intents n
   where n.intent_id = any (array(select (e.item ->> 'intent_id')::uuid
                                    from jsonb_array_elements(p_items) as e(item)));

  for v_read in select r.* from risk.read_asked(p_items, p_batch.body) r loop
    v_left := v_left - 1;
    if v_read.intent_id = any (v_seen) then
      -- Asked twice in one batch: the second time it is looked up like any other.
      perform risk.keep_decisions(decided, checks, p_batch.policy_hash,
                                  p_batch.ttl_ms);
      decided := '{}';
      checks := '{}';
      v_known_ids := array_append(v_known_ids, v_read.intent_id);
    end if;
    v_seen := array_append(v_seen, v_read.intent_id);
    if v_read.intent_id = any (v_known_ids) then
      select n.* into v_known from public.intents n where n.intent_id = v_read.intent_id;
      v_answer := risk.recorded_answer(v_read.item, v_known,
                                       jsonb_build_object(v_known.symbol, v_read.sigma::text));
    elsif not v_read.known then
      -- Nothing of this desk's: the decision's trace is the record, no intent is made.
      v_answer := risk.unknown_answer(v_read.refusals, v_read.code, p_batch.policy_hash);
    else
      v_one := risk.authorize_one(v_read, p_batch, book, v_rates -> v_read.account_id,
                                  v_conditions, v_slices -> v_read.account_id);
      if v_one.beyond_slices then
        beyond_slices := true;
        return;
      end if;
      v_answer := v_one.answer;
      decided := array_append(decided, v_one.decided);
      checks := checks || v_one.checks;
      if (v_left > 0 or v_whole) and v_answer ->> 'code' is null then
        v_rates := risk.count_intent(v_rates, v_read.account_id);
        if v_conditions ? 'rates' then
          v_conditions := risk.count_condition(
            v_conditions, v_read.strategy_id, v_read.symbol);
        end if;
        book := risk.count_reservation(
          book, v_read, (v_answer ->> 'authorized_quantity')::numeric);
      end if;
    end if;
    answers := array_append(answers, v_answer || jsonb_build_object(
      'i', v_read.item -> 'i', 'intent_id', v_read.item -> 'intent_id',
      'requested_quantity', v_read.item ->> 'quantity',
      'intent', case when v_read.item ? 'proposal_id' then v_read.item end));
  end loop;
end $$;
comment on function risk.judge_batch(jsonb, text[], record, boolean, jsonb) is
  'Lock the budgets of a batch of intents and judge it in order; what is to be kept is returned. Internal.';
