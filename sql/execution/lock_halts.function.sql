create or replace function execution.lock_halts(p_asked jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct hashtextextended('halt/' || s.scope || '/' || s.scope_id, 0) as key
             from public.orders o
            cross join lateral (values
              ('platform', '*'), ('organization', o.org_id), ('venue', o.venue_id),
              ('account', o.account_id), ('strategy', o.strategy_id),
              ('instrument', o.symbol)) s(scope, scope_id)
            where o.order_id in (select (x ->> 'order_id')::uuid
                                   from jsonb_array_elements(p_asked) x)
            order by 1) k;
end $$;
comment on function execution.lock_halts(jsonb) is
  'Hold every halt scope of these orders shared until the end of the transaction. Called by other procedures only.';
