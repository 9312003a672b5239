-- More than was ordered is recorded as it is and told to people. It halts nothing by itself:
-- the position has all of it, and so has every limit that is judged from now on.
create or replace function execution.tell_overfills(p_moves jsonb) returns void
language plpgsql as $$
begin
  insert into ops.incidents (incident_id, kind, subject, severity, detail, state, opened_at)
  select bus.uuid7(), 'order_overfilled', o.order_id::text, 'CRITICAL',
         jsonb_build_object('account_id', o.account_id, 'symbol', o.symbol, 'side', o.side,
                            'quantity', o.quantity::text,
                            'overfilled_quantity', o.overfilled_quantity::text,
                            'correlation_id', o.correlation_id),
         'open', clock_timestamp()
    from public.orders o
   where o.order_id in (select (m.move ->> 'order_id')::uuid
                          from jsonb_array_elements(p_moves) m(move)
                         where m.move ->> 'code' = 'TR407')
  on conflict do nothing;
end $$;
comment on function execution.tell_overfills(jsonb) is
  'Open an incident for each order that was filled beyond its quantity. Called by other procedures only.';
