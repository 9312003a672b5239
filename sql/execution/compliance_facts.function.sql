-- A fill beside what was authorised, as the tables have it: the message is what is judged, not
-- the witness. Row by row, by key: for the few items of a batch that costs less than starting
-- one large query.
create or replace function execution.compliance_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_policy jsonb;
  v_halts boolean;
  v_item jsonb;
  v_fill record;
  v_order record;
  v_known_hash text;
  v_stop_loss_required boolean := true;
  v_filled numeric;
  v_halted_since timestamptz;
  v_facts jsonb[] := '{}';
begin
  select p.policy_hash, p.body -> 'compliance' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  v_halts := exists (select from governance.halts h where h.lifted_at is null);
  for i in 0 .. jsonb_array_length(p_items) - 1 loop
    v_item := p_items -> i;
    select f.order_id, f.fill_id, f.side, f.quantity, f.price, f.commission, f.slippage_bps,
           f.latency_ms, f.filled_at, f.recorded_at, f.value_per_point
      into v_fill
      from public.fills f where f.fill_id = (v_item ->> 'fill_id')::uuid;
    select o.order_id, o.org_id, o.account_id, o.strategy_id, o.venue_id, o.symbol, o.policy_hash,
           o.quantity, o.side, o.status, o.status_reason, o.limit_price, o.stop_loss,
           o.reduce_only, o.reference_price, m.calendar, n.intent_id, n.kind,
           n.state, n.side as intent_side, n.authorized_quantity
      into v_order
      from public.orders o
      left join public.intents n on n.intent_id = o.intent_id
      left join public.instruments m on m.symbol = o.symbol
     where o.order_id = coalesce(v_fill.order_id, (v_item ->> 'order_id')::uuid);
    if v_order.policy_hash is distinct from v_known_hash then
      select coalesce(bool_or(l.value > 0), true) into v_stop_loss_required
        from risk.limits l
       where l.policy_hash = v_order.policy_hash and l.kind = 'stop_loss_required';
      v_known_hash := v_order.policy_hash;
    end if;
    select coalesce(sum(f.quantity), 0) into v_filled
      from public.fills f where f.order_id = v_order.order_id;
    if v_halts then
      select min(h.halted_at) into v_halted_since
        from governance.halts h
       where h.lifted_at is null
         and (h.scope = 'platform'
              or (h.scope, h.scope_id) in (
                ('organization', v_order.org_id), ('account', v_order.account_id),
                ('strategy', v_order.strategy_id), ('venue', v_order.venue_id),
                ('instrument', v_order.symbol)));
    end if;
    v_facts := array_append(v_facts, jsonb_build_object(
      'i', v_item -> 'i',
      'fill', case when v_fill.fill_id is not null then jsonb_build_object(
        'fill_id', v_fill.fill_id, 'side', v_fill.side, 'quantity', v_fill.quantity::text,
        'price', v_fill.price::text, 'commission', v_fill.commission::text,
        'slippage_bps', coalesce(v_fill.slippage_bps, 0)::text,
        'latency_ms', coalesce(v_fill.latency_ms, 0), 'filled_at', v_fill.filled_at,
        'recorded_at', v_fill.recorded_at,
        'value_per_point', v_fill.value_per_point::text) end,
      'filled_total', v_filled::text,
      'order', case when v_order.order_id is not null then jsonb_build_object(
        'quantity', v_order.quantity::text, 'side', v_order.side, 'status', v_order.status,
        'status_reason', v_order.status_reason, 'limit_price', v_order.limit_price::text,
        'stop_loss', v_order.stop_loss::text, 'reduce_only', v_order.reduce_only,
        'policy_hash', v_order.policy_hash, 'reference_price', v_order.reference_price::text,
        'policy_known', coalesce(v_order.policy_hash = v_policy_hash, false) or exists (
          select from risk.policies p where p.policy_hash = v_order.policy_hash)) end,
      'intent', case when v_order.intent_id is not null then jsonb_build_object(
        'kind', v_order.kind, 'state', v_order.state, 'side', v_order.intent_side,
        'authorized_quantity', v_order.authorized_quantity::text) end,
      'stop_loss_required', v_stop_loss_required,
      'calendar', v_order.calendar,
      'halted_since', v_halted_since,
      'policy', v_policy, 'policy_hash', v_policy_hash));
  end loop;
  return to_jsonb(v_facts);
end $$;
comment on function execution.compliance_facts(jsonb) is
  'A fill or an order beside its intent, its halts and the active compliance policy.';
grant execute on function execution.compliance_facts(jsonb) to compliance_agent;
