drop view if exists execution.shadow_report;
create view execution.shadow_report with (security_invoker = true) as
select d.org_id, d.shadow, d.active,
       count(*) filter (where d.kind = 'takes') as takes,
       count(*) filter (where d.kind = 'leaves') as leaves,
       count(*) filter (where d.kind = 'reasons') as reasons,
       count(*) filter (where d.outcome = 'open') as undecided,
       count(d.gain_r) as resolved,
       round(avg(d.gain_r), 6) as gain_r_mean,
       sum(d.gain_r) as gain_r,
       min(d.decided_at) as first_at,
       max(d.decided_at) as last_at
  from public.routing_differences d
 group by d.org_id, d.shadow, d.active;
comment on view execution.shadow_report is
  'What shadow routing policies would have done otherwise, and what that was worth in risks (R).';
grant select on execution.shadow_report
  to desk_reader, auditor, desk_operator, treasury_operator;
