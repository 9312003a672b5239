-- What follows from a change of orders, derived anew from their rows each time, so that doing
-- it twice changes nothing: how much of a reservation is still needed, and where an alert ends.
-- Ends with the account's row: authorisation holds that row, so it never sees half of this.
create or replace function execution.close_orders(
  p_order_ids uuid[], p_realized jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if cardinality(p_order_ids) = 0 then
    return;
  end if;
  with touched as (
    select distinct o.intent_id from public.orders o where o.order_id = any (p_order_ids)
  ), used as (
    select o.intent_id,
           bool_and(o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                 'not_sent')) as done,
           sum(case when o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                      'not_sent') then o.quantity
                    else least(o.filled_quantity, o.quantity) end) as quantity
      from touched t join public.orders o on o.intent_id = t.intent_id
     group by o.intent_id
  ), kept as (
    select r.intent_id, u.done,
           case when u.done then 0 else greatest(0, r.quantity - u.quantity) end as quantity
      from used u join risk.reservations r on r.intent_id = u.intent_id
     where r.released_at is null
     order by r.intent_id
       for update of r
  )
  update risk.reservations r
     set remaining_quantity = k.quantity,
         remaining_notional = case when r.quantity > 0
                                   then r.notional * k.quantity / r.quantity else 0 end,
         released_at = case when k.done then p_at end,
         released_by = case when k.done then p_agent end
    from kept k
   where r.intent_id = k.intent_id
     and (k.done or r.remaining_quantity is distinct from k.quantity);

  -- A cover ends nobody's alert: it trades under the correlation of the fill that it covers.
  perform ops.record_outcome(e.correlation_id, e.org_id, e.outcome, e.code, p_agent, p_at)
     from (
       select n.correlation_id, n.org_id,
              case when sum(o.filled_quantity) >= sum(o.quantity) then 'filled'
                   when sum(o.filled_quantity) > 0 then 'partially_filled'
                   when not bool_and(o.status in ('rejected', 'denied', 'canceled', 'expired',
                                                  'not_sent')) then null
                   when bool_or(o.status = 'rejected') then 'rejected'
                   when bool_or(o.status = 'denied') then 'denied'
                   else 'expired' end as outcome,
              case when sum(o.filled_quantity) > 0 then null
                   when bool_or(o.status = 'rejected') then 'TR414'
                   when bool_or(o.status = 'denied')
                     then max(left(o.status_reason, 5)) filter (where o.status = 'denied')
                   when bool_or(o.status = 'not_sent') then 'TR417'
                   else 'TR411' end as code
         from (select distinct o.intent_id from public.orders o
                where o.order_id = any (p_order_ids)) t
         join public.intents n on n.intent_id = t.intent_id and n.kind = 'allocate'
         join public.orders o on o.intent_id = t.intent_id
        group by n.intent_id, n.correlation_id, n.org_id) e
    where e.outcome is not null;

  with gained as (
    select c.account_id,
           coalesce(sum((g ->> 'amount')::numeric), 0) as amount
      from (select distinct o.account_id from public.orders o
             where o.order_id = any (p_order_ids)) c
      left join jsonb_array_elements(p_realized) g on g ->> 'account_id' = c.account_id
     group by c.account_id
  ), locked as (
    select s.account_id, g.amount
      from risk.account_state s join gained g on g.account_id = s.account_id
     order by s.account_id
       for update of s
  )
  update risk.account_state s
     set equity = s.equity + l.amount,
         peak_equity = greatest(s.peak_equity, s.equity + l.amount),
         day_start_equity = case when s.day = (p_at at time zone 'UTC')::date
                                 then s.day_start_equity else s.equity end,
         realized_today = case when s.day = (p_at at time zone 'UTC')::date
                               then s.realized_today else 0 end + l.amount,
         day = (p_at at time zone 'UTC')::date,
         as_of = p_at
    from locked l
   where s.account_id = l.account_id
     and (l.amount <> 0 or s.day is distinct from (p_at at time zone 'UTC')::date);
end $$;
comment on function execution.close_orders(uuid[], jsonb, text, timestamptz) is
  'Release what orders no longer need, post realised money to the account, record where alerts end. Called by other procedures only.';
