-- Only what happened under the routing policies in force says anything about them.
create or replace function execution.shadow_evidence(p_shadow text, p_org_id text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_active risk.policies;
  v_since timestamptz;
  v_told record;
  v_mean numeric;
  v_half numeric;
  v_needed int;
begin
  select p.* into v_active from risk.policies p where p.active;
  if not jsonb_path_exists(v_active.body -> 'routing' -> 'shadows', '$[*] ? (@.name == $name)',
                           jsonb_build_object('name', p_shadow))
     or not ops.acts_for(p_org_id) then
    return null;
  end if;
  select coalesce(max(c.changed_at), v_active.applied_at) into v_since
    from risk.policy_changes c
   where c.effect = 'first'
      or jsonb_path_exists(c.differences, '$[*] ? (@.path starts with "routing.")');
  select count(*) filter (where d.kind = 'takes') as takes,
         count(*) filter (where d.kind = 'leaves') as leaves,
         count(*) filter (where d.kind = 'reasons') as reasons,
         count(d.gain_r) as n, avg(d.gain_r) as mean, stddev_samp(d.gain_r) as deviation,
         sum(d.gain_r) as total
    into v_told
    from public.routing_differences d
   where d.shadow = p_shadow and d.org_id = p_org_id and d.decided_at >= v_since;
  v_needed := (v_active.body #>> '{routing,promotion,resolved_min}')::int;
  v_mean := round(v_told.mean, 6);
  v_half := round((v_active.body #>> '{routing,promotion,z}')::numeric * v_told.deviation
                  / sqrt(v_told.n::numeric), 6);
  return jsonb_build_object(
    'shadow', p_shadow, 'active', v_active.body #>> '{routing,name}',
    'policy_hash', v_active.policy_hash,
    'routing_hash', execution.routing_hash(v_active.body -> 'routing'),
    'since', v_since,
    'decisions', (select count(*) from public.opportunities o
                   where o.org_id = p_org_id and o.created_at >= v_since),
    'takes', v_told.takes, 'leaves', v_told.leaves, 'reasons', v_told.reasons,
    'resolved', v_told.n, 'gain_r', coalesce(v_told.total, 0)::text,
    'enough', v_told.n >= v_needed,
    'measures', case when v_half is null then '[]' else jsonb_build_array(jsonb_build_object(
      'name', 'gain_r', 'n', v_told.n, 'mean', v_mean::text,
      'low', (v_mean - v_half)::text, 'high', (v_mean + v_half)::text)) end);
end $$;
comment on function execution.shadow_evidence(text, text) is
  'What a shadow routing policy did otherwise for an organisation since the routing policies changed, and what that was worth; null if there is none of that name.';
grant execute on function execution.shadow_evidence(text, text) to desk_operator, auditor;
