create or replace function risk.start_cooldowns(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_unknown text;
begin
  select x.scope || ' ' || x.scope_id into v_unknown
    from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
   where not (x.scope = 'strategy' and exists (
                select from public.strategies s where s.strategy_id = x.scope_id
                                                         and ops.acts_for(s.org_id))
              or x.scope = 'venue' and exists (
                select from public.venues v where v.venue_id = x.scope_id))
   limit 1;
  if found then
    raise exception 'there is no % to rest', v_unknown using errcode = 'TR350';
  end if;
  update risk.cooldowns c set ended_at = clock_timestamp(), ended_by = 'time'
   where c.ended_at is null and c.rests_until <= clock_timestamp();
  insert into risk.cooldowns
    (cooldown_id, scope, scope_id, reason, started_at, started_by, rests_until)
  select x.cooldown_id, x.scope, x.scope_id, x.reason, clock_timestamp(), session_user,
         clock_timestamp() + x.rests_s * interval '1 second'
    from jsonb_to_recordset(p_items) as x(
      cooldown_id uuid, scope text, scope_id text, reason text, rests_s int)
  on conflict (scope, scope_id) where ended_at is null do update
     -- Resting is tightened only: a later end holds, and no end is the latest.
     set rests_until = case
           when excluded.rests_until is null or risk.cooldowns.rests_until is null then null
           else greatest(excluded.rests_until, risk.cooldowns.rests_until) end;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'cooldown_id', c.cooldown_id, 'rests_until', c.rests_until)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, scope text, scope_id text)
            join risk.cooldowns c on c.scope = x.scope and c.scope_id = x.scope_id
                                 and c.ended_at is null);
end $$;
comment on function risk.start_cooldowns(jsonb) is
  'Send strategies and venues to rest; one that rests already rests the longer of both. TR350: unknown.';
grant execute on function risk.start_cooldowns(jsonb) to desk_operator;
