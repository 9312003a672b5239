-- The one way to a reservation. Locks come first and in one order: wide budgets (only those
-- that the pack limits), then accounts by id. Wide budgets are shared by their slices (see
-- risk.slice_budgets), so that accounts do not wait for one another; where a slice is not
-- enough, the batch is judged again, alone and against the whole book.
create or replace function risk.authorize_intents(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_batch record;
  v_accounts text[];
  v_enrolled jsonb;
  v_judged record;
  v_counted boolean := false;
begin
  if p_items @? '$[*].proposal_id' then
    select jsonb_agg(case when e.item ? 'proposal_id' then risk.approved_item(e.item)
                          else e.item end order by e.nr)
      into p_items
      from jsonb_array_elements(p_items) with ordinality as e(item, nr);
  end if;
  select array_agg(distinct e.item ->> 'account_id') into v_accounts
    from jsonb_array_elements(p_items) as e(item);
  v_batch := risk.read_policy(p_items);
  if v_batch.body #> '{venues,accounts}' is not null then
    -- A strategy's limits hold over all of its accounts: they are locked and read together.
    v_enrolled := risk.enrolled_accounts(p_items, v_batch.body #> '{venues,accounts}');
    v_accounts := array(
      select unnest(v_accounts)
      union select a.value from jsonb_each(v_enrolled) s
             cross join lateral jsonb_array_elements_text(s.value) a);
  end if;
  if v_batch.wide is not null then
    -- What the block locked is let go of when it fails: locks never grow from shared to whole.
    begin
      v_judged := risk.judge_batch(p_items, v_accounts, v_batch, true, v_enrolled);
      if v_judged.beyond_slices then
        raise exception using errcode = 'DK001', message = 'beyond slices';
      end if;
    exception when sqlstate 'DK001' then
      v_judged := null;
    end;
  end if;
  if v_judged is null then
    v_judged := risk.judge_batch(p_items, v_accounts, v_batch, false, v_enrolled);
    v_counted := v_batch.wide is not null;
  end if;
  perform risk.keep_decisions(v_judged.decided, v_judged.checks, v_batch.policy_hash,
                              v_batch.ttl_ms);
  if v_counted then
    perform risk.slice_budgets(v_accounts, v_judged.book, v_batch.policy_hash);
  end if;
  return to_jsonb(v_judged.answers);
end $$;
comment on function risk.authorize_intents(jsonb) is
  'Authorise, trim or deny a batch of intents in order, under locks; idempotent by intent_id.';
grant execute on function risk.authorize_intents(jsonb) to risk_agent;
