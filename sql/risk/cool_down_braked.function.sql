create or replace function risk.cool_down_braked() returns int
language plpgsql as $$
declare
  v_rest interval;
  v_started int;
begin
  select (p.body #>> '{authority,cooldown_s}')::int * interval '1 second' into v_rest
    from risk.policies p where p.active;
  -- A pack that says nothing of cooldowns brakes while the figure stands, no longer.
  if v_rest is null or v_rest = interval '0' then
    return 0;
  end if;
  update risk.cooldowns c set ended_at = clock_timestamp(), ended_by = 'time'
   where c.ended_at is null and c.rests_until <= clock_timestamp();
  insert into risk.cooldowns
    (cooldown_id, scope, scope_id, reason, started_at, started_by, rests_until)
  select bus.uuid7(), b.scope, b.scope_id, b.reason, clock_timestamp(), session_user,
         clock_timestamp() + v_rest
    from (select m.scope, m.scope_id,
                 string_agg(distinct m.kind || ' at ' || m.value || ' against ' || l.value, '; ')
                   as reason
            from risk.measurements m
            join risk.limits l on l.kind = m.kind
                              and (l.scope in ('platform', m.scope))
                              and l.scope_id in ('*', m.scope_id)
            join risk.policies p on p.policy_hash = l.policy_hash and p.active
           where m.scope in ('strategy', 'venue') and m.value > l.value
             and m.good_until > clock_timestamp()
           group by m.scope, m.scope_id) b
  on conflict (scope, scope_id) where ended_at is null do nothing;
  get diagnostics v_started = row_count;
  return v_started;
end $$;
comment on function risk.cool_down_braked() is
  'Send strategies and venues whose measurements are past a brake of the pack in force to rest. Called by other procedures only.';
