-- The database hashes what it stores: nobody can say one thing and apply another.
create or replace function risk.apply_policy(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_canonical text := p_items -> 0 ->> 'canonical';
  v_limits jsonb := p_items -> 0 -> 'limits';
  v_body jsonb;
  v_hash text;
  v_before text;
begin
  if jsonb_array_length(p_items) <> 1 or v_canonical is null
     or jsonb_typeof(v_limits) is distinct from 'array' or v_limits = '[]' then
    raise exception 'one pack with its limits is applied at a time' using errcode = 'TR338';
  end if;
  begin
    v_body := v_canonical::jsonb;
  exception when invalid_text_representation then
    raise exception 'the pack is no JSON' using errcode = 'TR338';
  end;
  v_hash := encode(sha256(convert_to(v_canonical, 'UTF8')), 'hex');
  if v_body ->> 'name' is null or v_body ->> 'version' is null
     or jsonb_typeof(v_body -> 'modes') is distinct from 'array'
     or (select count(*) from jsonb_to_recordset(v_limits) as x(
           scope text, scope_id text, kind text, value numeric, unit text)
          join risk.limit_kinds() k on k.kind = x.kind and k.unit = x.unit
         where x.value >= 0
           and v_body #>> (case x.scope when 'platform' then array['limits', x.scope, x.kind]
                           else array['limits', x.scope, x.scope_id, x.kind] end)
               = x.value::text)
        <> jsonb_array_length(v_limits)
     or (select count(*) from jsonb_each(v_body -> 'limits' -> 'platform'))
      + (select count(*) from jsonb_each(v_body -> 'limits') s, jsonb_each(s.value) d,
                jsonb_each(d.value) k where s.key <> 'platform')
        <> jsonb_array_length(v_limits) then
    raise exception 'the pack and its limits do not agree' using errcode = 'TR338';
  end if;

  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  select p.policy_hash into v_before from risk.policies p where p.active;
  if v_before = v_hash then
    return jsonb_build_array(jsonb_build_object(
      'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_before, 'changed', false));
  end if;
  if exists (select from public.accounts a where a.mode = 'live') then
    if not v_body -> 'modes' ? 'live' then
      raise exception 'pack % is not for a desk with a live account', v_body ->> 'name'
        using errcode = 'TR339';
    elsif not exists (
      select from public.proposals p
       where p.kind = 'policy' and p.subject = v_hash and p.state = 'approved') then
      raise exception 'beside a live account a pack needs a passed proposal'
        using errcode = 'TR512';
    end if;
  end if;

  update risk.policies p set active = false where p.active;
  insert into risk.policies (policy_hash, name, version, body, applied_at, applied_by, active)
  values (v_hash, v_body ->> 'name', v_body ->> 'version', v_body, clock_timestamp(),
          session_user || coalesce(' (' || (p_items -> 0 ->> 'applied_by') || ')', ''), true)
  on conflict (policy_hash) do update
     set active = true, applied_at = excluded.applied_at, applied_by = excluded.applied_by;
  insert into risk.limits (policy_hash, scope, scope_id, kind, value, unit)
  select v_hash, x.scope, x.scope_id, x.kind, x.value, x.unit
    from jsonb_to_recordset(v_limits) as x(
      scope text, scope_id text, kind text, value numeric, unit text)
  on conflict do nothing;
  update public.proposals p set state = 'executed'
   where p.kind = 'policy' and p.subject = v_hash and p.state = 'approved';
  return jsonb_build_array(jsonb_build_object(
    'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_before, 'changed', true));
end $$;
comment on function risk.apply_policy(jsonb) is
  'Make a policy pack the active one. TR338: malformed. TR339: not beside a live account. TR512: a live account demands a passed proposal.';
grant execute on function risk.apply_policy(jsonb) to desk_operator;
