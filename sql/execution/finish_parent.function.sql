create or replace function execution.finish_parent(
  p_intent public.intents, p_finish jsonb, p_at timestamptz
) returns void
language plpgsql as $$
declare
  v_orders uuid[];
begin
  update execution.parents p
     set state = 'done', look_at = null, finished_at = p_at, finished_why = x.why,
         filled_quantity = x.filled_quantity, average_price = x.average_price,
         delay_bps = x.delay_bps, impact_bps = x.impact_bps, spread_bps = x.spread_bps,
         opportunity_bps = x.opportunity_bps, total_bps = x.total_bps,
         behind_share = x.behind_share
    from jsonb_to_record(p_finish) as x(
      why text, filled_quantity numeric, average_price numeric, delay_bps numeric,
      impact_bps numeric, spread_bps numeric, opportunity_bps numeric, total_bps numeric,
      behind_share numeric)
   where p.intent_id = p_intent.intent_id;
  v_orders := array(select o.order_id from public.orders o
                     where o.intent_id = p_intent.intent_id limit 1);
  if cardinality(v_orders) > 0 then
    perform execution.close_orders(v_orders, '[]', 'order', p_at);
    return;
  end if;
  perform risk.release_reservation(p_intent.intent_id, 'order');
  if p_intent.kind = 'allocate' then
    perform ops.record_outcomes(jsonb_build_array(jsonb_build_object(
      'correlation_id', p_intent.correlation_id, 'org_id', p_intent.org_id,
      'outcome', case when p_finish ->> 'code' is null then 'expired' else 'denied' end,
      'code', coalesce(p_finish ->> 'code', 'TR411'))), 'order', p_at);
  end if;
end $$;
comment on function execution.finish_parent(public.intents, jsonb, timestamptz) is
  'End a worked order with what it cost, and give back what it still holds. Called by other procedures only.';
