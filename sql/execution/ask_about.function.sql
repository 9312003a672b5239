create or replace function execution.ask_about(p_order_id uuid) returns void
language plpgsql as $$
begin
  perform execution.ask_again((
    select coalesce(jsonb_agg(jsonb_build_object('attempt_id', a.attempt_id)), '[]')
      from execution.attempts a
     where a.order_id = p_order_id and a.state = 'answered'));
end $$;
comment on function execution.ask_about(uuid) is
  'Queue an inquiry about a working order at the bridge of its account. Called by other procedures only.';
