create or replace function execution.latency_baseline(
  p_venue_id text, p_account_id text, p_order_type text
) returns jsonb
language plpgsql stable as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select jsonb_build_object(
             'venue_id', b.venue_id, 'route', b.route, 'order_type', b.order_type,
             'attempts', b.attempts, 'answered', b.answered, 'unanswered', b.unanswered,
             'p99_ms', b.p99_ms, 'rolled_at', b.rolled_at)
      from execution.latency_baselines b
     where b.venue_id = p_venue_id and b.route = p_account_id
       and b.order_type = p_order_type and b.span = 'week');
end $$;
comment on function execution.latency_baseline(text, text, text) is
  'How long a venue took this week to answer one order type over one account, or null. Called by other procedures only.';
