create or replace function execution.record_health(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into execution.venue_health as held
    (venue_id, symbol, fill_confidence, throttle_per_minute, debt_to_risk, spread_bps,
     rejection_rate, latency_p95_ms, as_of)
  select distinct on (x.venue_id, x.symbol)
         x.venue_id, x.symbol, x.fill_confidence, x.throttle_per_minute, x.debt_to_risk,
         x.spread_bps, x.rejection_rate, x.latency_p95_ms, x.as_of
    from jsonb_to_recordset(p_items) as x(
      venue_id text, symbol text, fill_confidence numeric, throttle_per_minute int,
      debt_to_risk numeric, spread_bps numeric, rejection_rate numeric, latency_p95_ms int,
      as_of timestamptz)
   order by x.venue_id, x.symbol, x.as_of desc
  on conflict (venue_id, symbol) do update
     set fill_confidence = excluded.fill_confidence,
         throttle_per_minute = excluded.throttle_per_minute,
         debt_to_risk = excluded.debt_to_risk,
         spread_bps = excluded.spread_bps,
         rejection_rate = excluded.rejection_rate,
         latency_p95_ms = excluded.latency_p95_ms,
         as_of = excluded.as_of
   -- A worker that comes late must not overwrite a younger judgement.
   where held.as_of < excluded.as_of;
  return '[]';
end $$;
comment on function execution.record_health(jsonb) is
  'Keep the youngest health per venue and symbol.';
grant execute on function execution.record_health(jsonb) to execution_overseer_agent;
