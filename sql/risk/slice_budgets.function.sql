-- Called by whoever holds the wide budgets whole and has just counted all of them. Each account
-- that was active of late gets what it uses and an equal part of what may be handed out: a
-- quarter of the limit, so that three quarters cover prices that move while slices are good. An
-- account that is alone in a scope gets all of it. No slices where a figure is unknown, where
-- currencies differ, or where a quarter is used up: then everyone counts everything each time.
create or replace function risk.slice_budgets(
  p_accounts text[], p_book jsonb, p_policy_hash text) returns void
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  if exists (select from risk.budget_slices s
              where s.account_id = any (p_accounts) and s.slices is null
                and s.policy_hash = p_policy_hash and s.good_until > v_now) then
    -- Nothing to hand out, as was found a moment ago.
    return;
  end if;
  with active as materialized (
    select a.account_id from public.accounts a
     where a.account_id = any (p_accounts)
        or exists (select from risk.budget_slices s
                    where s.account_id = a.account_id
                      and s.good_until > v_now - interval '1 minute')
  ), held as materialized (
    select b.account_id, sum(greatest(b.hi, b.lo) * b.lot) as gross,
           greatest(sum(b.hi * b.lot), sum(b.lo * b.lot), 0) as net,
           sum(b.orders) as orders, bool_or(b.lot is null) as unknown
      from (select h.account_id, h.orders, h.lot, h.quantity + h.buys as hi,
                   h.sells - h.quantity as lo
              from jsonb_to_recordset(p_book) as h(
                account_id text, quantity numeric, buys numeric, sells numeric, orders int,
                lot numeric)) b
     group by b.account_id
  ), used as materialized (
    select a.account_id, a.org_id, a.venue_id, a.currency, a.mode = 'shadow' as shadow,
           c.account_id is not null as active,
           k.kind, k.amount
      from public.accounts a
      left join active c on c.account_id = a.account_id
      left join held h on h.account_id = a.account_id
      left join lateral (
        select sum(r.authorized) as n from risk.order_rates r
         where r.account_id = a.account_id and r.second >= v_now - interval '61 seconds') r on true
      cross join lateral (values
        ('gross_exposure', case when h.unknown then null else coalesce(h.gross, 0) end),
        ('net_exposure', case when h.unknown then null else coalesce(h.net, 0) end),
        ('open_orders', coalesce(h.orders, 0)),
        ('order_rate_per_minute', coalesce(r.n, 0))) as k(kind, amount)
  ), shared as materialized (
    select l.scope, z.of, l.kind, min(l.value) as value
      from risk.limits l
      join risk.limit_kinds() k on k.kind = l.kind and k.summed
      join (select 'platform' as scope, '*' as of
            union all select 'organization', o.org_id from public.organizations o
            union all select 'venue', v.venue_id from public.venues v) z
        on z.scope = l.scope and l.scope_id in ('*', z.of)
     where l.policy_hash = p_policy_hash
     group by l.scope, z.of, l.kind
  ), budgets as materialized (
    select s.scope, s.of, s.kind, u.shadow, count(*) filter (where u.active) as takers,
           sum(u.amount) as used,
           case when bool_or(u.amount is null) or count(distinct u.currency) > 1 then null
                when count(*) = 1 then s.value
                else s.value / 4 end - sum(u.amount) as room
      from shared s
      join used u on u.kind = s.kind
                 and s.of = case s.scope when 'platform' then '*'
                              when 'organization' then u.org_id else u.venue_id end
     -- What runs in the shadow has budgets of its own.
     group by s.scope, s.of, s.kind, s.value, u.shadow
  )
  insert into risk.budget_slices as t (account_id, policy_hash, slices, good_until)
  select u.account_id, p_policy_hash,
         case when bool_and(b.room > 0) then jsonb_object_agg(
           b.scope || '.' || b.kind, jsonb_build_object(
             'own', round(u.amount + b.room / b.takers, 8),
             'others', round(b.used - u.amount + b.room * (b.takers - 1) / b.takers, 8))) end,
         v_now + interval '5 seconds'
    from used u
    join budgets b on b.kind = u.kind and b.shadow = u.shadow
                  and b.of = case b.scope when 'platform' then '*'
                               when 'organization' then u.org_id else u.venue_id end
   where u.active
   group by u.account_id
  on conflict (account_id) do update
     set policy_hash = excluded.policy_hash, slices = excluded.slices,
         good_until = excluded.good_until;
end $$;
comment on function risk.slice_budgets(text[], jsonb, text) is
  'Hand out slices of the shared budgets to the accounts that are active. Internal.';
