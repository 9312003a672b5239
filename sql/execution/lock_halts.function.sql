create or replace function execution.lock_halts(p_asked jsonb) returns void
language plpgsql as $$
declare
  v_scopes bigint[];
  v_keys bigint[] := '{}';
begin
  for i in 0 .. jsonb_array_length(p_asked) - 1 loop
    select array[
             hashtextextended('halt/platform/*', 0),
             hashtextextended('halt/organization/' || o.org_id, 0),
             hashtextextended('halt/venue/' || o.venue_id, 0),
             hashtextextended('halt/account/' || o.account_id, 0),
             hashtextextended('halt/strategy/' || o.strategy_id, 0),
             hashtextextended('halt/instrument/' || o.symbol, 0)]
      into v_scopes
      from public.orders o
     where o.order_id = (p_asked -> i ->> 'order_id')::uuid;
    v_keys := v_keys || v_scopes;
  end loop;
  perform pg_advisory_xact_lock_shared(k.key)
     from (select distinct u.key from unnest(v_keys) u(key) order by 1) k;
end $$;
comment on function execution.lock_halts(jsonb) is
  'Hold every halt scope of these orders shared until the end of the transaction. Called by other procedures only.';
