drop view if exists execution.twin_report;
create view execution.twin_report with (security_invoker = true) as
select c.org_id, c.shadow_account_id, c.shadow_strategy_id, c.strategy_id,
       count(*) as alerts,
       count(*) filter (where c.verdict = 'open') as waiting,
       count(*) filter (where c.verdict = 'agree') as agree,
       count(*) filter (where c.verdict = 'size') as size,
       count(*) filter (where c.verdict = 'takes') as takes,
       count(*) filter (where c.verdict = 'leaves') as leaves,
       count(*) filter (where c.verdict = 'reasons') as reasons,
       count(c.slippage_difference_bps) as traded,
       round(avg(c.slippage_difference_bps), 6) as slippage_difference_bps,
       -- Half the width of the 95 % interval of that mean, for as many as make it normal.
       round(1.96 * stddev_samp(c.slippage_difference_bps)
             / sqrt(nullif(count(c.slippage_difference_bps), 0)::numeric), 6)
         as slippage_half_width_bps,
       min(c.started_at) as first_at, max(c.compared_at) as last_at
  from public.shadow_comparisons c
 group by c.org_id, c.shadow_account_id, c.shadow_strategy_id, c.strategy_id;
comment on view execution.twin_report is
  'How strategies'' twins in the shadow decide and slip beside production, per twin.';
grant select on execution.twin_report
  to desk_reader, auditor, desk_operator, treasury_operator;
