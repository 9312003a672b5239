create or replace function risk.level_of(p_utilization numeric, p_flags text[], p_levels jsonb)
returns text
language sql immutable as $$
  select case
           when p_utilization >= (p_levels ->> 'critical')::numeric then 'CRITICAL'
           -- Past the soft daily loss nothing is less than high.
           when p_utilization >= (p_levels ->> 'high')::numeric
             or exists (select from unnest(p_flags) f where f like '%daily_loss_soft_pct')
             then 'HIGH'
           when p_utilization >= (p_levels ->> 'medium')::numeric then 'MEDIUM'
           else 'LOW'
         end
$$;
comment on function risk.level_of(numeric, text[], jsonb) is
  'Name how close the book is to its limits. Internal.';
