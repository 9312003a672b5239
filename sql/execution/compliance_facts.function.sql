-- A fill beside what was authorised, as the tables have it: the message is what is judged, not
-- the witness.
create or replace function execution.compliance_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
begin
  select p.policy_hash, p.body -> 'compliance' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i,
             'fill', case when f.fill_id is null then null else jsonb_build_object(
               'fill_id', f.fill_id, 'side', f.side, 'quantity', f.quantity::text,
               'price', f.price::text, 'commission', f.commission::text,
               'slippage_bps', coalesce(f.slippage_bps, 0)::text,
               'latency_ms', coalesce(f.latency_ms, 0), 'filled_at', f.filled_at,
               'recorded_at', f.recorded_at,
               'value_per_point', f.value_per_point::text) end,
             'filled_total', (select coalesce(sum(b.quantity), 0)::text from public.fills b
                               where b.order_id = o.order_id),
             'order', case when o.order_id is null then null else jsonb_build_object(
               'quantity', o.quantity::text, 'side', o.side, 'status', o.status,
               'status_reason', o.status_reason, 'limit_price', o.limit_price::text,
               'stop_loss', o.stop_loss::text, 'reduce_only', o.reduce_only,
               'policy_hash', o.policy_hash, 'reference_price', o.reference_price::text,
               'policy_known', exists (select from risk.policies p
                                        where p.policy_hash = o.policy_hash)) end,
             'intent', case when n.intent_id is null then null else jsonb_build_object(
               'kind', n.kind, 'state', n.state, 'side', n.side,
               'authorized_quantity', n.authorized_quantity::text) end,
             'stop_loss_required', coalesce((
               select bool_or(l.value > 0) from risk.limits l
                where l.policy_hash = o.policy_hash and l.kind = 'stop_loss_required'), true),
             'calendar', m.calendar,
             'halted_since', (
               select min(h.halted_at) from governance.halts h
                where h.lifted_at is null
                  and (h.scope = 'platform'
                       or (h.scope, h.scope_id) in (
                         ('organization', o.org_id), ('account', o.account_id),
                         ('strategy', o.strategy_id), ('venue', o.venue_id),
                         ('instrument', o.symbol)))),
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, order_id uuid, fill_id uuid)
      left join public.fills f on f.fill_id = x.fill_id
      left join public.orders o on o.order_id = coalesce(f.order_id, x.order_id)
      left join public.intents n on n.intent_id = o.intent_id
      left join public.instruments m on m.symbol = o.symbol);
end $$;
comment on function execution.compliance_facts(jsonb) is
  'A fill or an order beside its intent, its halts and the active compliance policy.';
grant execute on function execution.compliance_facts(jsonb) to compliance_agent;
