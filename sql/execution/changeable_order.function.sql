create or replace function execution.changeable_order(p_order_id uuid, out ordered public.orders)
language plpgsql as $$
begin
  -- People change what they may read. Agents have no way here but through their procedures.
  select o.* into ordered
    from public.orders o
   where o.order_id = p_order_id
     and (ops.reads_everything() or o.org_id = any (ops.readable_organizations()))
     for update;
  if not found then
    raise exception 'no order % for this person', p_order_id using errcode = 'TR410';
  end if;
end $$;
comment on function execution.changeable_order(uuid) is
  'Hold an order that this session''s person may change. TR410: no such order for them. Called by other procedures only.';
