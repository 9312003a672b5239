-- Where each order goes after a report. Quantities decide before words: an order whose fills
-- reach its quantity is filled, whatever else was said. What says less than we know moves
-- nothing; what contradicts it is left to the transition table, which raises.
create or replace function execution.report_moves(p_said jsonb, p_booked jsonb)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    with said as (
      select distinct on (x.order_id) x.order_id, x.attempt_id, x.report ->> 'status' as status,
             coalesce((x.report ->> 'final')::boolean, false) as final,
             x.report ->> 'code' as code, left(x.report ->> 'message', 500) as message,
             x.report ->> 'retcode' as retcode, x.report ->> 'venue_order_id' as venue_order_id
        from jsonb_to_recordset(p_said) as x(
          i int, order_id uuid, attempt_id uuid, report jsonb)
       order by x.order_id, x.i desc
    ), known as materialized (
      select s.*, o.status as held, o.quantity,
             coalesce(n.quantity, 0) as fresh, coalesce(n.trades, '[]') as trades,
             coalesce((select sum(f.quantity) from public.fills f
                        where f.order_id = s.order_id), 0) as total,
             o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired', 'not_sent')
               as closed
        from said s
        join public.orders o on o.order_id = s.order_id
        left join lateral (
          select sum(b.quantity) as quantity, jsonb_agg(b.venue_trade_id) as trades
            from jsonb_to_recordset(p_booked) as b(
              order_id uuid, quantity numeric, venue_trade_id text)
           where b.order_id = s.order_id) n on true
    ), aimed as materialized (
      select k.*, case
               when k.total >= k.quantity then 'filled'
               when k.closed and k.fresh > 0 then k.held
               when k.status in ('rejected', 'canceled', 'expired', 'not_sent') then k.status
               when k.closed then k.held
               when k.status = 'partially_filled' and k.final then 'canceled'
               when k.held = 'pending_cancel' then k.held
               when k.status in ('filled', 'partially_filled', 'accepted')
                 then case when k.total > 0 then 'partially_filled' else 'accepted' end
               when k.status in ('unknown', 'not_found') and k.held = 'submitted' then 'unknown'
               else k.held end as target
        from known k
    ), steps as (
      -- Fills that leave a remainder are an event of their own before the order closes.
      select a.*, 1 as step, 'partially_filled' as to_status
        from aimed a
       where a.fresh > 0 and a.target in ('rejected', 'canceled', 'expired')
         and not a.closed and a.held <> 'partially_filled'
      union all
      select a.*, 2, a.target from aimed a where a.target <> a.held or a.fresh > 0
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'order_id', s.order_id, 'to_status', s.to_status,
             'code', case
               when s.step = 1 then null
               when s.total > s.quantity then 'TR407'
               when s.to_status = 'filled' then null
               else coalesce(s.code, case s.to_status
                 when 'rejected' then 'TR414' when 'expired' then 'TR411'
                 when 'not_sent' then 'TR417' when 'unknown' then 'TR416' end) end,
             'message', case
               when s.total > s.quantity then format('filled %s of %s', s.total, s.quantity)
               when s.closed then 'late fill' else coalesce(s.message, s.status) end,
             'detail', jsonb_strip_nulls(jsonb_build_object(
               'attempt_id', s.attempt_id, 'retcode', s.retcode,
               'venue_order_id', s.venue_order_id,
               'trades', nullif(s.trades, '[]'),
               'late', case when s.closed then true end)))
             order by s.order_id, s.step), '[]')
      from steps s);
end $$;
comment on function execution.report_moves(jsonb, jsonb) is
  'Derive the moves of orders from reports and newly booked fills. Called by other procedures only.';
