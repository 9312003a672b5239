-- What has the right to change the pack ends here; nothing is asked any more.
create or replace function risk.put_pack(
  p_canonical text, p_limits jsonb, p_by text, p_proposal_id uuid, p_i jsonb default null)
returns jsonb
language plpgsql as $$
declare
  v_body jsonb := p_canonical::jsonb;
  v_hash text := encode(sha256(convert_to(p_canonical, 'UTF8')), 'hex');
  v_before risk.policies;
  v_differences jsonb;
  v_loosens boolean;
begin
  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  select p.* into v_before from risk.policies p where p.active;
  select jsonb_agg(to_jsonb(c)), coalesce(bool_or(c.effect = 'loosens'), false)
    into v_differences, v_loosens
    from risk.compare_policies(v_before.body, v_body) c where v_before.body is not null;
  update risk.policies p set active = false where p.active;
  insert into risk.policies (policy_hash, name, version, body, applied_at, applied_by, active)
  values (v_hash, v_body ->> 'name', v_body ->> 'version', v_body, clock_timestamp(),
          session_user || coalesce(' (' || p_by || ')', ''), true)
  on conflict (policy_hash) do update
     set active = true, applied_at = excluded.applied_at, applied_by = excluded.applied_by;
  insert into risk.limits (policy_hash, scope, scope_id, kind, value, unit)
  select v_hash, x.scope, x.scope_id, x.kind, x.value, x.unit
    from jsonb_to_recordset(p_limits) as x(
      scope text, scope_id text, kind text, value numeric, unit text)
  on conflict do nothing;
  insert into risk.policy_changes
    (change_id, changed_at, changed_by, before_hash, after_hash, effect, differences,
     proposal_id)
  values
    (bus.uuid7(), clock_timestamp(), session_user, v_before.policy_hash, v_hash,
     case when v_before.policy_hash is null then 'first'
          when v_loosens then 'loosened' else 'tightened' end,
     coalesce(v_differences, '[]'), p_proposal_id);
  if p_proposal_id is not null then
    perform governance.record_event(p_proposal_id, 'executed', '{}');
  end if;
  return jsonb_build_array(jsonb_build_object(
    'i', p_i, 'policy_hash', v_hash, 'before', v_before.policy_hash, 'changed', true,
    'differences', coalesce(v_differences, '[]')));
end $$;
comment on function risk.put_pack(text, jsonb, text, uuid, jsonb) is
  'Make a checked pack the active one and keep what was before and whose votes allowed it. Called by other procedures only.';
