create or replace function intake.record_normalized(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.signals_normalized
    (signal_id, alert_id, correlation_id, org_id, symbol, symbol_class, side, order_type, price,
     stop_loss, take_profit, quantity, timeframe, session, source_time, received_at,
     strategy_id, mode, normalized_at, session_tags)
  select x.signal_id, x.alert_id, x.correlation_id, x.org_id, x.symbol, x.symbol_class, x.side,
         x.order_type, x.price, x.stop_loss, x.take_profit, x.quantity, x.timeframe, x.session,
         x.source_time, x.received_at, x.strategy_id, x.mode, x.normalized_at,
         coalesce(x.session_tags, '{}')
    from jsonb_to_recordset(p_items) as x(
      signal_id uuid, alert_id uuid, correlation_id uuid, org_id text, symbol text,
      symbol_class text, side text, order_type text, price numeric, stop_loss numeric,
      take_profit numeric, quantity numeric, timeframe text, session text,
      source_time timestamptz, received_at timestamptz, strategy_id text, mode text,
      normalized_at timestamptz, session_tags text[])
  on conflict do nothing;
  return '[]';
end $$;
comment on function intake.record_normalized(jsonb) is
  'Keep signals in canonical form, one per alert; a repetition changes nothing.';
grant execute on function intake.record_normalized(jsonb) to normalizer_agent;
