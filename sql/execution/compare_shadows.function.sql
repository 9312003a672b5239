-- Both ends are known: what production did with the alert, beside what its twin did. An end that
-- rests with a person is none yet; after a day it is taken as it stands.
create or replace function execution.compare_shadows(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_compared int;
begin
  with due as materialized (
    select c.shadow_correlation_id, c.correlation_id, c.account_id, c.shadow_account_id,
           a.outcome, a.code, c.shadow_outcome, c.shadow_code
      from public.shadow_comparisons c
      join public.alert_outcomes a on a.correlation_id = c.correlation_id
     where c.verdict = 'open' and c.shadow_outcome is not null
       and (c.started_at < v_now - interval '1 day'
            or not (a.outcome in ('in_review', 'awaiting_vote')
                    or c.shadow_outcome in ('in_review', 'awaiting_vote')
                    or exists (select from public.orders o
                                where o.correlation_id in (c.correlation_id,
                                                           c.shadow_correlation_id)
                                  and o.status in ('initialized', 'submitted', 'accepted',
                                                   'triggered', 'partially_filled', 'unknown',
                                                   'pending_update', 'pending_cancel'))))
     order by c.started_at limit 5000
  ), told as (
    select d.*, m.quantity, m.price, m.slippage, s.quantity as shadow_quantity,
           s.price as shadow_price, s.slippage as shadow_slippage
      from due d
      -- What opened the trade: stops, targets and covers run under the same correlation.
      cross join lateral (
        select sum(f.quantity) as quantity, sum(f.quantity * f.price) / sum(f.quantity) as price,
               sum(f.quantity * f.slippage_bps) / sum(f.quantity) as slippage
          from public.fills f
          join public.intents n on n.intent_id = f.intent_id and n.kind = 'allocate'
         where f.correlation_id = d.correlation_id and f.account_id = d.account_id) m
      cross join lateral (
        select sum(f.quantity) as quantity, sum(f.quantity * f.price) / sum(f.quantity) as price,
               sum(f.quantity * f.slippage_bps) / sum(f.quantity) as slippage
          from public.fills f
          join public.intents n on n.intent_id = f.intent_id and n.kind = 'allocate'
         where f.correlation_id = d.shadow_correlation_id
           and f.account_id = d.shadow_account_id) s
  )
  update public.shadow_comparisons c
     set production_outcome = t.outcome, production_code = t.code,
         verdict = case
           when t.quantity is not null and t.shadow_quantity is not null then
             case when t.quantity = t.shadow_quantity then 'agree' else 'size' end
           when t.shadow_quantity is not null then 'takes'
           when t.quantity is not null then 'leaves'
           when (t.outcome, t.code) is not distinct from (t.shadow_outcome, t.shadow_code)
             then 'agree'
           else 'reasons' end,
         production_quantity = t.quantity, shadow_quantity = t.shadow_quantity,
         production_price = round(t.price, 10), shadow_price = round(t.shadow_price, 10),
         production_slippage_bps = round(t.slippage, 6),
         shadow_slippage_bps = round(t.shadow_slippage, 6),
         slippage_difference_bps = round(t.shadow_slippage - t.slippage, 6),
         compared_at = v_now
    from told t
   where c.shadow_correlation_id = t.shadow_correlation_id and c.verdict = 'open';
  get diagnostics v_compared = row_count;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'compared', v_compared)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.compare_shadows(jsonb) is
  'Say of alerts that ended in production and in the shadow how the two differ.';
grant execute on function execution.compare_shadows(jsonb)
  to strategy_router_agent, desk_operator;
