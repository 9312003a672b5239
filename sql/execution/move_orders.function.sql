-- The order state machine is the table execution.order_transitions; what is not in it raises.
-- Moves of one order are given in their order; each writes its event.
create or replace function execution.move_orders(
  p_moves jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_illegal record;
begin
  if jsonb_array_length(p_moves) = 0 then
    return;
  end if;
  with move as (
    select x.order_id, x.to_status, x.code, x.message, x.detail, x.nr,
           coalesce(lag(x.to_status) over (partition by x.order_id order by x.nr),
                    o.status) as from_status
      from (select e.nr, m.* from jsonb_array_elements(p_moves) with ordinality e(move, nr),
                   lateral jsonb_to_record(e.move) as m(
                     order_id uuid, to_status text, code text, message text, detail jsonb)) x
      join public.orders o on o.order_id = x.order_id
  )
  select m.order_id, m.from_status, m.to_status into v_illegal
    from move m
   where m.from_status <> m.to_status
     and not exists (select from execution.order_transitions t
                      where t.from_status = m.from_status and t.to_status = m.to_status)
   limit 1;
  if found then
    raise exception 'order % does not go from % to %',
      v_illegal.order_id, v_illegal.from_status, v_illegal.to_status using errcode = 'TR406';
  end if;

  insert into public.order_events
    (event_id, order_id, from_status, to_status, code, message, detail, occurred_at,
     recorded_by)
  select gen_random_uuid(), m.order_id,
         coalesce(lag(m.to_status) over (partition by m.order_id order by m.nr), o.status),
         m.to_status, m.code, m.message, coalesce(m.detail, '{}'),
         -- Steps of one order in one answer keep their order in time.
         p_at + (row_number() over (partition by m.order_id order by m.nr) - 1)
                * interval '1 microsecond', p_agent
    from (select e.nr, r.* from jsonb_array_elements(p_moves) with ordinality e(move, nr),
                 lateral jsonb_to_record(e.move) as r(
                   order_id uuid, to_status text, code text, message text, detail jsonb)) m
    join public.orders o on o.order_id = m.order_id
   order by m.nr;

  update public.orders o
     set status = l.to_status,
         status_reason = case when l.code is null then l.message
                              else l.code || ': ' || coalesce(l.message, '') end,
         updated_at = p_at
    from (select distinct on (r.order_id) r.order_id, r.to_status, r.code, r.message
            from jsonb_array_elements(p_moves) with ordinality e(move, nr),
                 lateral jsonb_to_record(e.move) as r(
                   order_id uuid, to_status text, code text, message text)
           order by r.order_id, e.nr desc) l
   where o.order_id = l.order_id;
end $$;
comment on function execution.move_orders(jsonb, text, timestamptz) is
  'Move orders along the transition table and write their events. TR406: no such transition. Called by other procedures only.';
