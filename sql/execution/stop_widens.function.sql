create or replace function execution.stop_widens(p_order public.orders, p_next public.orders)
returns boolean
language sql immutable as $$
  -- A target bounds no loss; a first stop bounds one.
  select p_order.stop_loss is not null
         and (p_next.stop_loss is null
              or case p_order.side when 'BUY' then p_next.stop_loss < p_order.stop_loss
                                   else p_next.stop_loss > p_order.stop_loss end)
$$;
comment on function execution.stop_widens(public.orders, public.orders) is
  'Whether a position could lose more with other stops than with its own. Called by other procedures only.';
