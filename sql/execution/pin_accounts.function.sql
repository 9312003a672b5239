-- A bridge beside its terminal serves its own accounts and nothing else, and so does whoever reads
-- their market there. What serves an account is found by its shard, so that no other account may
-- share it.
create or replace function execution.pin_accounts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item jsonb;
  v_accounts text[];
  v_shards smallint[];
  v_other text;
  v_answers jsonb[] := '{}';
begin
  for v_item in select e.item from jsonb_array_elements(p_items) e(item) loop
    v_accounts := array(select jsonb_array_elements_text(v_item -> 'accounts'));
    v_shards := array(select distinct bus.shard_of(a) from unnest(v_accounts) a order by 1);
    select u.account_id into v_other
      from unnest(v_accounts) u(account_id)
     where not exists (select from public.accounts c
                        where c.account_id = u.account_id and c.state <> 'closed');
    if found then
      raise exception 'no open account %', v_other using errcode = 'TR436';
    end if;
    select c.account_id into v_other
      from public.accounts c
     where c.state <> 'closed' and c.account_id <> all (v_accounts)
       and bus.shard_of(c.account_id) = any (v_shards)
     limit 1;
    if found then
      raise exception 'account % shares a shard with those: serve it too, or rename it', v_other
        using errcode = 'TR436';
    end if;
    update bus.workers w set pinned = v_shards
      from bus.agents g
     where w.worker_id = (v_item ->> 'worker_id')::uuid
       and g.agent = w.agent and g.role_name = session_user;
    if not found then
      raise exception 'worker % is not registered', v_item ->> 'worker_id'
        using errcode = 'TR110';
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item -> 'i', 'shards', to_jsonb(v_shards)));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.pin_accounts(jsonb) is
  'Have a worker serve these accounts and no others. TR110: no such worker. TR436: an account is unknown, or shares its shard with one that is not named.';
grant execute on function execution.pin_accounts(jsonb) to execution_agent, market_data_agent;
