-- A reconciliation is handed to execution as a row of its own, in the account's order, so that it
-- reaches the bridge that owns the account; one at a time waits per account.
create or replace function execution.ask_reconciliations(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_id uuid;
  v_answers jsonb[] := '{}';
begin
  for v_item in
    select x.i, c.account_id, c.org_id, coalesce(x.cause, 'requested') as cause
      from jsonb_to_recordset(p_items) as x(i int, account_id text, cause text)
      join public.accounts c on c.account_id = x.account_id and ops.acts_for(c.org_id)
     order by c.account_id
  loop
    -- What was asked for and lost its message is asked for again.
    update execution.reconciliations r
       set state = 'lapsed', finished_at = clock_timestamp()
     where r.account_id = v_item.account_id and r.state = 'asked'
       and not exists (select from bus.deliveries q
                        where q.agent = 'execution' and q.msg_id = r.reconciliation_id);
    v_id := null;
    insert into execution.reconciliations (reconciliation_id, account_id, org_id, cause)
    values (bus.uuid7(), v_item.account_id, v_item.org_id, v_item.cause)
    on conflict (account_id) where state = 'asked' do nothing
    returning reconciliation_id into v_id;
    if v_id is null then
      select r.reconciliation_id into v_id from execution.reconciliations r
       where r.account_id = v_item.account_id and r.state = 'asked';
    else
      perform bus.deliver_row('execution', 'reconciliation', v_id, v_item.account_id,
                              v_item.org_id, v_id, 600000);
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item.i, 'account_id', v_item.account_id, 'reconciliation_id', v_id));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.ask_reconciliations(jsonb) is
  'Have accounts compared with their venues by their bridges; one comparison waits per account.';
grant execute on function execution.ask_reconciliations(jsonb) to execution_agent, desk_operator;
