-- One step of a worked order: its plan before anything else, children that draw on the parent's
-- reservation, when to look again, or its end with what it cost. Halts are held shared until the
-- commit, as where orders are opened at once.
create or replace function execution.work_orders(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_item jsonb;
  v_intent public.intents;
  v_parent execution.parents;
  v_ids uuid[];
  v_code text;
  v_told jsonb[] := '{}';
begin
  v_ids := array(select (x.item ->> 'intent_id')::uuid from jsonb_array_elements(p_items) x(item));
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct hashtextextended(u.scope, 0) as key
             from public.intents n
            cross join lateral unnest(array[
              'halt/platform/*', 'halt/organization/' || n.org_id, 'halt/venue/' || n.venue_id,
              'halt/account/' || n.account_id, 'halt/strategy/' || n.strategy_id,
              'halt/instrument/' || n.symbol]) u(scope)
            where n.intent_id = any (v_ids)
            order by 1) k;
  perform from public.intents n where n.intent_id = any (v_ids) order by n.intent_id for update;
  perform from execution.parents p where p.intent_id = any (v_ids) order by p.intent_id for update;
  select p.policy_hash into v_policy_hash from risk.policies p where p.active;

  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    v_code := null;
    select n.* into v_intent from public.intents n
     where n.intent_id = (v_item ->> 'intent_id')::uuid;
    select p.* into v_parent from execution.parents p where p.intent_id = v_intent.intent_id;
    if v_item ? 'plan' then
      -- What is planned stays planned: repeating the message changes nothing.
      continue when v_parent.intent_id is not null;
      v_code := execution.open_refusal(v_intent, v_policy_hash);
      if v_code is null then
        v_parent := execution.plan_parent(v_intent, v_item -> 'plan', v_now);
      end if;
    elsif v_parent.intent_id is null or v_parent.state <> 'working'
          or v_parent.slice_id is distinct from (v_item ->> 'slice_id')::uuid then
      -- A look that a later one overtook.
      continue;
    elsif jsonb_array_length(v_item -> 'children') > 0 then
      v_code := execution.child_refusal(v_intent, v_policy_hash);
    end if;
    v_code := coalesce(v_code, execution.open_children(
      v_intent, v_parent, v_item -> 'children', v_now));
    if v_code is not null then
      raise exception 'intent % may have no such children', v_item ->> 'intent_id'
        using errcode = v_code;
    end if;
    if v_item -> 'finish' is null or v_item -> 'finish' = 'null' then
      update execution.parents p
         set look_at = greatest((v_item ->> 'look_at')::timestamptz, v_now)
       where p.intent_id = v_intent.intent_id;
    else
      perform execution.finish_parent(v_intent, v_item -> 'finish', v_now);
    end if;
  end loop;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'state', p.state)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, intent_id uuid)
            left join execution.parents p on p.intent_id = x.intent_id);
end $$;
comment on function execution.work_orders(jsonb) is
  'Plan a worked order, open children of it, say when to look again, or end it. TR401: no authority. TR403: halted. TR413: more than authorised. TR418: not expressible. TR411: too late. TR302, TR303, TR318: no, stale or distant price. TR317: too many orders. TR307: another policy.';
grant execute on function execution.work_orders(jsonb) to order_agent;
