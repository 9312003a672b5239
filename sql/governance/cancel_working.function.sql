-- What was not sent is denied at once. What the venue works becomes pending_cancel, and an
-- inquiry has the account's bridge carry it out; until the venue says how the order ended, the
-- bridge is asked again and again. What only reduces stays, so that positions can be left.
create or replace function governance.cancel_working(p_halt_ids uuid[]) returns int
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_moves jsonb;
begin
  if cardinality(p_halt_ids) = 0 then
    return 0;
  end if;
  select coalesce(jsonb_agg(jsonb_build_object(
           'order_id', w.order_id, 'code', 'TR403',
           'to_status', case w.status when 'initialized' then 'denied' else 'pending_cancel' end,
           'message', case w.status when 'initialized' then 'a halt came before it was sent'
                                    else 'a halt asks for its cancel' end,
           'detail', jsonb_build_object('halt_id', w.halt_id))), '[]')
    into v_moves
    from (
      select o.order_id, o.status,
             (select g.halt_id from governance.halts g
               where g.halt_id = any (p_halt_ids)
                 and (g.scope = 'platform'
                      or (g.scope, g.scope_id) in (
                        ('organization', o.org_id), ('venue', o.venue_id),
                        ('account', o.account_id), ('strategy', o.strategy_id),
                        ('instrument', o.symbol)))
               order by g.halted_at limit 1) as halt_id
        from public.orders o
       where o.status in ('initialized', 'accepted', 'triggered', 'partially_filled',
                          'pending_update') and not o.reduce_only
       order by o.account_id, o.order_id
         for update) w
   where w.halt_id is not null;
  perform execution.move_orders(v_moves, 'halt', v_now);
  perform execution.ask_again((
    select coalesce(jsonb_agg(jsonb_build_object('attempt_id', a.attempt_id)
                              order by a.attempt_id), '[]')
      from jsonb_to_recordset(v_moves) as m(order_id uuid, to_status text)
      join execution.attempts a on a.order_id = m.order_id and a.state = 'answered'
     where m.to_status = 'pending_cancel'));
  perform execution.close_orders(array(
    select m.order_id from jsonb_to_recordset(v_moves) as m(order_id uuid, to_status text)
     where m.to_status = 'denied'), '[]', 'halt', v_now);
  return jsonb_array_length(v_moves);
end $$;
comment on function governance.cancel_working(uuid[]) is
  'Deny the unsent orders that these halts cover and ask for a cancel of those that work. Called by other procedures only.';
