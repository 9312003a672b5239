-- What follows from a change of orders, derived anew from their rows each time, so that doing
-- it twice changes nothing: how much of a reservation is still needed, and where an alert ends.
-- Ends with the account's row, so that the row is held no longer than the commit takes.
create or replace function execution.close_orders(
  p_order_ids uuid[], p_realized jsonb, p_agent text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_intent record;
  v_ids uuid[] := '{}';
  v_done boolean[] := '{}';
  v_used numeric[] := '{}';
  v_outcomes jsonb[] := '{}';
  v_today date := (p_at at time zone 'UTC')::date;
  v_gain record;
begin
  for v_intent in
    select n.intent_id, n.correlation_id, n.org_id, n.kind, s.rejected, s.denied, s.not_sent,
           s.denial, s.filled, s.done and w.state is distinct from 'working' as done,
           s.unfilled and w.state is distinct from 'working' as unfilled,
           coalesce(w.quantity, s.ordered) as ordered,
           -- What a worked order did not get with one child it may ask for with the next.
           case when w.intent_id is null then s.used else s.drawn end as used
      from (select distinct o.intent_id from public.orders o
             where o.order_id = any (p_order_ids)) t
      cross join lateral (
        select k.intent_id, k.correlation_id, k.org_id, k.kind
          from public.intents k where k.intent_id = t.intent_id offset 0) n
      cross join lateral (
        select bool_and(o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                     'not_sent')) as done,
               bool_and(o.status in ('rejected', 'denied', 'canceled', 'expired',
                                     'not_sent')) as unfilled,
               bool_or(o.status = 'rejected') as rejected,
               bool_or(o.status = 'denied') as denied,
               bool_or(o.status = 'not_sent') as not_sent,
               max(left(o.status_reason, 5)) filter (where o.status = 'denied') as denial,
               sum(o.filled_quantity) as filled,
               sum(o.quantity) as ordered, sum(least(o.filled_quantity, o.quantity)) as drawn,
               bool_or(o.latency_class <> 'immediate') as waits,
               sum(case when o.status in ('filled', 'rejected', 'denied', 'canceled', 'expired',
                                          'not_sent') then o.quantity
                        else least(o.filled_quantity, o.quantity) end) as used
          from public.orders o where o.intent_id = t.intent_id) s
      left join lateral (
        select p.intent_id, p.state, p.quantity
          from execution.parents p where s.waits and p.intent_id = t.intent_id offset 0) w on true
     order by n.intent_id
  loop
    v_ids := array_append(v_ids, v_intent.intent_id);
    v_done := array_append(v_done, v_intent.done);
    v_used := array_append(v_used, v_intent.used);
    -- A cover ends nobody's alert: it trades under the correlation of the fill that it covers.
    if v_intent.kind = 'allocate' and (v_intent.filled > 0 or v_intent.unfilled) then
      v_outcomes := array_append(v_outcomes, jsonb_build_object(
        'correlation_id', v_intent.correlation_id, 'org_id', v_intent.org_id,
        'outcome', case when v_intent.filled >= v_intent.ordered then 'filled'
             when v_intent.filled > 0 then 'partially_filled'
             when v_intent.rejected then 'rejected'
             when v_intent.denied then 'denied'
             else 'expired' end,
        'code', case when v_intent.filled > 0 then null
             when v_intent.rejected then 'TR414'
             when v_intent.denied then v_intent.denial
             when v_intent.not_sent then 'TR417'
             else 'TR411' end));
    end if;
  end loop;

  update risk.reservations r
     set remaining_quantity = k.kept,
         remaining_notional = case when r.quantity > 0
           then r.notional * k.kept / r.quantity else 0 end,
         released_at = case when k.done then p_at end,
         released_by = case when k.done then p_agent end
    from (select h.intent_id, u.done,
                 case when u.done then 0 else greatest(0, h.quantity - u.used) end as kept
            from unnest(v_ids, v_done, v_used) as u(intent_id, done, used)
            join risk.reservations h on h.intent_id = u.intent_id and h.released_at is null
           order by h.intent_id
             for update of h) k
   where r.intent_id = k.intent_id and r.released_at is null
     and (k.done or r.remaining_quantity <> k.kept);

  if cardinality(v_outcomes) > 0 then
    perform ops.record_outcomes(to_jsonb(v_outcomes), p_agent, p_at);
  end if;

  for v_gain in
    select c.account_id, coalesce(sum((g ->> 'amount')::numeric), 0) as amount
      from (select distinct o.account_id from public.orders o
             where o.order_id = any (p_order_ids)) c
      left join jsonb_array_elements(p_realized) g on g ->> 'account_id' = c.account_id
     group by c.account_id
     -- In one order everywhere, so that no two wait for each other.
     order by c.account_id
  loop
    if v_gain.amount <> 0 or exists (
         select from risk.account_state s
          where s.account_id = v_gain.account_id and s.day is distinct from v_today) then
      update risk.account_state s
         set equity = s.equity + v_gain.amount,
             peak_equity = greatest(s.peak_equity, s.equity + v_gain.amount),
             day_start_equity = case when s.day = v_today then s.day_start_equity
                                     else s.equity end,
             realized_today = case when s.day = v_today then s.realized_today else 0 end
                              + v_gain.amount,
             day = v_today,
             as_of = p_at
       where s.account_id = v_gain.account_id
         and (v_gain.amount <> 0 or s.day is distinct from v_today);
    end if;
  end loop;
end $$;
comment on function execution.close_orders(uuid[], jsonb, text, timestamptz) is
  'Release what orders no longer need, post realised money to the account, record where alerts end. Called by other procedures only.';
