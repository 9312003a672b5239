-- Other stops of a position are sent at most once: that they are is committed first. Whoever gets
-- one back that was sent before asks the venue instead.
create or replace function execution.attempt_stops(p_order_ids uuid[], p_at timestamptz)
returns void
language plpgsql as $$
begin
  update execution.order_changes c
     set attempted_at = p_at
   where c.order_id = any (p_order_ids) and c.state = 'pending' and c.kind = 'stops'
     and c.attempted_at is null;
end $$;
comment on function execution.attempt_stops(uuid[], timestamptz) is
  'Write down that the bridge is to send stops that wait; the caller holds the orders. Called by other procedures only.';
