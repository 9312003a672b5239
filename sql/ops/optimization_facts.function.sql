create or replace function ops.optimization_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy risk.policies;
begin
  select p.* into v_policy from risk.policies p where p.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'policy', v_policy.body -> 'optimization',
             'edge_min', v_policy.body #>> '{routing,edge_min}',
             'policy_hash', v_policy.policy_hash,
             'organizations', (
               select coalesce(jsonb_agg(jsonb_build_object(
                        'org_id', g.org_id, 'deltas', coalesce(n.deltas, '[]'),
                        'shadows', w.evidence,
                        'asked', (select coalesce(jsonb_agg(distinct p.subject), '[]')
                                    from public.proposals p
                                   where p.kind in ('parameter', 'promote_shadow')
                                     and p.org_id = g.org_id
                                     and (p.state = 'open'
                                          or p.opened_at > clock_timestamp()
                                                           - x.pause_s * interval '1 second')))
                        order by g.org_id), '[]')
                 from public.organizations g
                 -- Only what happened under the numbers in force says anything about them.
                 cross join lateral (
                   select jsonb_agg(jsonb_build_object(
                            'predicted', d.predicted, 'realized', d.realized)
                            order by d.closed_at, d.order_id) as deltas
                     from (select c.order_id, c.predicted, c.realized, c.closed_at
                             from public.decision_deltas c
                            where c.org_id = g.org_id and c.closed_at >= v_policy.applied_at
                            order by c.closed_at desc
                            limit least(x.deltas_max, 5000)) d) n
                 cross join lateral (
                   select coalesce(jsonb_agg(execution.shadow_evidence(s.body ->> 'name', g.org_id)
                                             order by s.nr), '[]') as evidence
                     from jsonb_array_elements(v_policy.body #> '{routing,shadows}')
                          with ordinality as s(body, nr)) w
                where n.deltas is not null or w.evidence <> '[]'))), '[]')
      from jsonb_to_recordset(p_items) as x(i int, deltas_max int, pause_s int));
end $$;
comment on function ops.optimization_facts(jsonb) is
  'The newest closed orders per organisation since the pack was applied, what shadow routing policies did otherwise, and what was proposed lately.';
grant execute on function ops.optimization_facts(jsonb) to optimizer_agent;
