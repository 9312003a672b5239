create or replace function execution.lock_halts(p_asked jsonb) returns void
language plpgsql as $$
declare
  v_ids uuid[] := array(select (x.item ->> 'order_id')::uuid
                          from jsonb_array_elements(p_asked) x(item));
begin
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct hashtextextended(u.scope, 0) as key
             from public.orders o
            cross join lateral unnest(array[
              'halt/platform/*', 'halt/organization/' || o.org_id, 'halt/venue/' || o.venue_id,
              'halt/account/' || o.account_id, 'halt/strategy/' || o.strategy_id,
              'halt/instrument/' || o.symbol]) u(scope)
            where o.order_id = any (v_ids)
            order by 1) k;
end $$;
comment on function execution.lock_halts(jsonb) is
  'Hold every halt scope of these orders shared until the end of the transaction. Called by other procedures only.';
