-- Student's quantile by its expansion in the normal one (Abramowitz and Stegun 26.7.5): good to
-- a per cent from six observations on. Shares get Wilson's interval, which holds at their ends.
create or replace function execution.twin_evidence(p_account_id text, p_org_id text)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_body jsonb := (select p.body from risk.policies p where p.active);
  v_needed int := coalesce((v_body #>> '{routing,promotion,resolved_min}')::int, 100);
  v_z numeric := coalesce((v_body #>> '{routing,promotion,z}')::numeric, 1.96);
  v_told record;
  v_measures jsonb := '[]';
  v_share record;
  v_mean record;
  v_dof numeric;
  v_half numeric;
begin
  if not exists (select from public.accounts a
                  where a.account_id = p_account_id and a.org_id = p_org_id
                    and a.mode = 'shadow')
     or not ops.acts_for(p_org_id) then
    return null;
  end if;
  select count(*) as alerts, count(*) filter (where c.verdict = 'open') as waiting,
         count(*) filter (where c.verdict <> 'open') as compared,
         count(*) filter (where c.verdict = 'agree') as agree,
         count(*) filter (where c.verdict = 'size') as size,
         count(*) filter (where c.verdict = 'takes') as takes,
         count(*) filter (where c.verdict = 'leaves') as leaves,
         count(*) filter (where c.verdict = 'reasons') as reasons,
         count(c.slippage_difference_bps) as traded,
         min(c.started_at) as first_at, max(c.compared_at) as last_at
    into v_told
    from public.shadow_comparisons c
   where c.shadow_account_id = p_account_id and c.org_id = p_org_id;
  for v_share in
    select * from (values
      ('same_decision', v_told.agree + v_told.size),
      ('same_size', v_told.agree)) as s(name, hits)
     where v_told.compared > 0
  loop
    v_half := v_z * sqrt(v_share.hits::numeric / v_told.compared
                         * (1 - v_share.hits::numeric / v_told.compared) / v_told.compared
                         + v_z * v_z / (4 * v_told.compared::numeric ^ 2));
    v_measures := v_measures || jsonb_build_object(
      'name', v_share.name, 'n', v_told.compared,
      'mean', round(v_share.hits::numeric / v_told.compared, 6)::text,
      'low', round(greatest(0, (v_share.hits::numeric / v_told.compared
                     + v_z * v_z / (2 * v_told.compared) - v_half)
                   / (1 + v_z * v_z / v_told.compared)), 6)::text,
      'high', round(least(1, (v_share.hits::numeric / v_told.compared
                      + v_z * v_z / (2 * v_told.compared) + v_half)
                    / (1 + v_z * v_z / v_told.compared)), 6)::text);
  end loop;
  for v_mean in
    select m.name, count(m.value) as n, avg(m.value) as mean, stddev_samp(m.value) as deviation
      from public.shadow_comparisons c
     cross join lateral (values
       ('slippage_difference_bps', c.slippage_difference_bps),
       ('shadow_slippage_bps', c.shadow_slippage_bps),
       ('production_slippage_bps', c.production_slippage_bps)) as m(name, value)
     where c.shadow_account_id = p_account_id and c.org_id = p_org_id and m.value is not null
     group by m.name having count(m.value) > 1 order by m.name
  loop
    v_dof := v_mean.n - 1;
    v_half := v_mean.deviation / sqrt(v_mean.n::numeric) * (
      v_z + (v_z ^ 3 + v_z) / (4 * v_dof)
      + (5 * v_z ^ 5 + 16 * v_z ^ 3 + 3 * v_z) / (96 * v_dof ^ 2));
    v_measures := v_measures || jsonb_build_object(
      'name', v_mean.name, 'n', v_mean.n, 'mean', round(v_mean.mean, 6)::text,
      'low', round(v_mean.mean - v_half, 6)::text,
      'high', round(v_mean.mean + v_half, 6)::text);
  end loop;
  return jsonb_build_object(
    'shadow_account_id', p_account_id,
    'policy_hash', (select p.policy_hash from risk.policies p where p.active),
    'since', v_told.first_at, 'until', v_told.last_at, 'alerts', v_told.alerts,
    'waiting', v_told.waiting, 'compared', v_told.compared, 'agree', v_told.agree,
    'size', v_told.size, 'takes', v_told.takes, 'leaves', v_told.leaves,
    'reasons', v_told.reasons, 'traded', v_told.traded, 'needed', v_needed,
    'enough', v_told.traded >= v_needed, 'measures', v_measures);
end $$;
comment on function execution.twin_evidence(text, text) is
  'How an account in the shadow differed from production: decisions, sizes and slippage with confidence intervals; null if it is none.';
grant execute on function execution.twin_evidence(text, text) to desk_operator, auditor;
