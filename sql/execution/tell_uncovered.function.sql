-- A residual whose tries are spent is told to people, once, with what the last try was told; the
-- incident closes itself when the residual is back within its bound. Nothing is halted by it.
create or replace function execution.tell_uncovered(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_last record;
  v_id uuid;
begin
  for v_item in
    select x.*, c.org_id, x.account_id || '/' || x.symbol as subject
      from jsonb_to_recordset(p_items) as x(
        account_id text, symbol text, covered boolean, tries int, residual text, bound text)
      join public.accounts c on c.account_id = x.account_id
     order by x.account_id, x.symbol
  loop
    if v_item.covered then
      update ops.incidents n set state = 'closed', closed_at = clock_timestamp()
       where n.kind = 'COVER_TRIES_SPENT' and n.subject = v_item.subject and n.state = 'open';
      continue;
    end if;
    select k.asked_at, n.state, n.denial_code into v_last
      from execution.covers k
      left join public.intents n on n.intent_id = k.intent_id
     where k.account_id = v_item.account_id and k.symbol = v_item.symbol
     order by k.asked_at desc limit 1;
    v_id := bus.uuid7();
    insert into ops.incidents (incident_id, kind, subject, severity, detail, state, opened_at)
    values (v_id, 'COVER_TRIES_SPENT', v_item.subject, 'CRITICAL', jsonb_build_object(
              'code', 'TRIES_SPENT', 'org_id', v_item.org_id, 'account_id', v_item.account_id,
              'symbol', v_item.symbol, 'tries', v_item.tries, 'residual', v_item.residual,
              'bound', v_item.bound, 'last_asked_at', v_last.asked_at,
              'last_state', v_last.state, 'last_code', v_last.denial_code,
              'text', format('%s of %s stands uncovered at %s beyond its bound of %s; %s tries '
                             'are spent, the last one was %s', v_item.residual, v_item.symbol,
                             v_item.account_id, v_item.bound, v_item.tries,
                             coalesce(v_last.denial_code, v_last.state, 'never asked for')),
              'todo', format('see what refused the covers (desk report exposure --by cover); '
                             'make room for them, or reduce %s at %s by hand',
                             v_item.symbol, v_item.account_id)),
            'open', clock_timestamp())
    on conflict do nothing;
    if found then
      insert into ops.notices (notice_id, org_id, audience, title, body)
      select n.incident_id, v_item.org_id, 'desk_operator',
             format('%s at %s is not covered', v_item.symbol, v_item.account_id),
             (n.detail ->> 'text') || '. ' || (n.detail ->> 'todo')
        from ops.incidents n where n.incident_id = v_id
      on conflict (notice_id) do nothing;
    end if;
  end loop;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.tell_uncovered(jsonb) is
  'Open an incident, and have people told, for each residual whose covers were tried in vain; close those that are covered.';
grant execute on function execution.tell_uncovered(jsonb) to hedger_agent;
