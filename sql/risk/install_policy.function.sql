-- The database hashes what it stores: nobody can say one thing and apply another. Granted to
-- nobody: the owner's way at the first start, and what risk.apply_policy ends in.
create or replace function risk.install_policy(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_canonical text := p_items -> 0 ->> 'canonical';
  v_limits jsonb := p_items -> 0 -> 'limits';
  v_body jsonb := risk.checked_pack(p_items);
  v_hash text := encode(sha256(convert_to(v_canonical, 'UTF8')), 'hex');
  v_before risk.policies;
  v_differences jsonb;
  v_loosens boolean;
  v_proposal_id uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  select p.* into v_before from risk.policies p where p.active;
  if v_before.policy_hash = v_hash then
    return jsonb_build_array(jsonb_build_object(
      'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_hash, 'changed', false));
  end if;
  select jsonb_agg(to_jsonb(c)), coalesce(bool_or(c.effect = 'loosens'), false)
    into v_differences, v_loosens
    from risk.compare_policies(v_before.body, v_body) c where v_before.body is not null;
  v_loosens := v_loosens or v_before.policy_hash is null;
  v_proposal_id := risk.passed_policy(v_hash, v_before.policy_hash);
  if exists (select from public.accounts a where a.mode = 'live') then
    if not v_body -> 'modes' ? 'live' then
      raise exception 'pack % is not for a desk with a live account', v_body ->> 'name'
        using errcode = 'TR339';
    elsif v_loosens and v_proposal_id is null then
      raise exception 'beside a live account a looser pack needs a passed proposal'
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
  insert into risk.policy_changes
    (change_id, changed_at, changed_by, before_hash, after_hash, effect, differences,
     proposal_id)
  values
    (bus.uuid7(), clock_timestamp(), session_user, v_before.policy_hash, v_hash,
     case when v_before.policy_hash is null then 'first'
          when v_loosens then 'loosened' else 'tightened' end,
     coalesce(v_differences, '[]'), v_proposal_id);
  if v_proposal_id is not null then
    perform governance.record_event(v_proposal_id, 'executed', '{}');
  end if;
  return jsonb_build_array(jsonb_build_object(
    'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_before.policy_hash,
    'changed', true, 'differences', coalesce(v_differences, '[]')));
end $$;
comment on function risk.install_policy(jsonb) is
  'Make a policy pack the active one and keep what was before. TR338: malformed. TR339: not beside a live account. TR512: looser beside a live account without a passed proposal. Called by the owner and other procedures only.';
