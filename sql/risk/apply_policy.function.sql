-- Tightening is immediate. Whatever loosens becomes a proposal, and is applied by repeating the
-- request, or by risk.follow_policy, once the proposal has passed.
create or replace function risk.apply_policy(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_body jsonb := risk.checked_pack(p_items);
  v_hash text := encode(sha256(convert_to(p_items -> 0 ->> 'canonical', 'UTF8')), 'hex');
  v_live boolean := exists (select from public.accounts a where a.mode = 'live');
  v_before risk.policies;
  v_differences jsonb;
  v_proposal_id uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  select p.* into v_before from risk.policies p where p.active;
  if v_live and not v_body -> 'modes' ? 'live' then
    raise exception 'pack % is not for a desk with a live account', v_body ->> 'name'
      using errcode = 'TR339';
  end if;
  select jsonb_agg(to_jsonb(c)) into v_differences
    from risk.compare_policies(v_before.body, v_body) c where v_before.body is not null;
  if v_before.policy_hash is null and not v_live or v_before.policy_hash = v_hash
     or v_before.policy_hash is not null
        and not jsonb_path_exists(v_differences, '$[*] ? (@.effect == "loosens")')
     or risk.passed_policy(v_hash, v_before.policy_hash) is not null then
    return risk.install_policy(p_items);
  end if;

  select (governance.open_proposals(jsonb_build_array(jsonb_build_object(
           'i', 0, 'proposal_id', bus.uuid7(), 'kind', 'policy', 'subject', v_hash,
           'org_id', coalesce(p_items -> 0 ->> 'org_id',
                              (select min(o.org_id) from public.organizations o)),
           'payload', jsonb_build_object(
             'name', v_body ->> 'name', 'version', v_body ->> 'version',
             'before', v_before.policy_hash, 'canonical', p_items -> 0 ->> 'canonical',
             'limits', p_items -> 0 -> 'limits'),
           'evidence', jsonb_build_object('differences', v_differences),
           'ttl_s', 604800))) -> 0 ->> 'proposal_id')::uuid
    into v_proposal_id;
  return jsonb_build_array(jsonb_build_object(
    'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_before.policy_hash,
    'changed', false, 'proposal_id', v_proposal_id,
    'differences', coalesce(v_differences, '[]')));
end $$;
comment on function risk.apply_policy(jsonb) is
  'Make a tighter pack the active one at once; put a looser one before the voters. TR338: malformed. TR339: not beside a live account.';
grant execute on function risk.apply_policy(jsonb) to desk_operator;
