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
  v_loosens boolean;
  v_proposal_id uuid;
begin
  perform pg_advisory_xact_lock(hashtextextended('risk.policy', 0));
  select p.* into v_before from risk.policies p where p.active;
  if v_before.policy_hash = v_hash then
    return jsonb_build_array(jsonb_build_object(
      'i', p_items -> 0 -> 'i', 'policy_hash', v_hash, 'before', v_hash, 'changed', false));
  end if;
  v_loosens := v_before.policy_hash is null or exists (
    select from risk.compare_policies(v_before.body, v_body) c where c.effect = 'loosens');
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
  return risk.put_pack(v_canonical, v_limits, p_items -> 0 ->> 'applied_by', v_proposal_id,
                       p_items -> 0 -> 'i');
end $$;
comment on function risk.install_policy(jsonb) is
  'Make a policy pack the active one and keep what was before. TR338: malformed. TR339: not beside a live account. TR512: looser beside a live account without a passed proposal. Called by the owner and other procedures only.';
