-- What a choice of venue looks at, read only for strategies that the pack gives further accounts.
-- The strategy's own account comes first. What lies with a counterparty is counted over all of
-- the organisation's accounts there, in the worst case; null where a part of it has no value.
create or replace function execution.venue_candidates(
  p_org_id text, p_strategy_id text, p_own_account text, p_symbol text, p_shadow boolean)
returns jsonb
language plpgsql stable as $$
declare
  v_now timestamptz := clock_timestamp();
  v_venues jsonb;
  v_bounds jsonb;
  v_book jsonb;
  v_halts boolean := exists (select from governance.halts h where h.lifted_at is null);
  v_halted jsonb := '[]';
  v_account record;
  v_held record;
  v_found jsonb := '[]';
begin
  select x.venues, jsonb_build_object(
           'risk_fraction', x.sizing -> 'risk_fraction',
           'quantity_cap', x.sizing -> 'quantity_cap',
           'notional_cap', x.sizing -> 'notional_cap')
    into v_venues, v_bounds
    from risk.policies p
   cross join lateral jsonb_to_record(p.body) as x(venues jsonb, sizing jsonb)
   where p.active;
  v_book := risk.read_book(
    array(select k.account_id from public.accounts k
           where k.org_id = p_org_id and (k.mode = 'shadow') = p_shadow), false);
  for v_account in
    select a.account_id, a.venue_id, a.state, a.mode, a.currency, v.state as venue_state,
           z.equity, l.mid, l.lot_value, b.symbol, b.fill_confidence, b.throttle_per_minute,
           b.debt_to_risk, b.spread_bps, b.rejection_rate, b.latency_p95_ms, b.as_of,
           w.p95_ms, o.routed
      from jsonb_array_elements_text(
             jsonb_build_array(p_own_account) || (v_venues #> array['accounts', p_strategy_id]))
             with ordinality as e(account_id, nr)
      join public.accounts a on a.account_id = e.account_id and a.org_id = p_org_id
      join public.venues v on v.venue_id = a.venue_id
      left join risk.account_state z on z.account_id = a.account_id
      left join lateral risk.lot_value(a.venue_id, p_symbol, a.currency) l on true
      left join execution.venue_health b on b.venue_id = a.venue_id and b.symbol = p_symbol
      left join execution.latency_baselines w
        on w.venue_id = a.venue_id and w.route = a.account_id and w.order_type = 'market'
       and w.span = 'week'
      cross join lateral (
        select count(*) as routed from public.opportunities k
         where k.symbol = p_symbol and k.venue_id = a.venue_id and k.selected
           and k.created_at > v_now - interval '1 minute') o
     order by e.nr
  loop
    select sum(greatest(x.quantity + x.buys, x.sells - x.quantity) * x.lot) as gross,
           coalesce(bool_or(x.lot is null or x.currency <> v_account.currency), false) as unknown
      into v_held
      from jsonb_to_recordset(v_book) as x(
             venue_id text, currency text, quantity numeric, buys numeric, sells numeric,
             lot numeric)
     where x.venue_id = v_account.venue_id;
    if v_halts then
      select coalesce(jsonb_agg(h.scope || ':' || h.scope_id), '[]') into v_halted
        from governance.halts h
       where h.lifted_at is null
         and (h.scope = 'platform'
              or (h.scope, h.scope_id) in (
                ('organization', p_org_id), ('account', v_account.account_id),
                ('strategy', p_strategy_id), ('venue', v_account.venue_id),
                ('instrument', p_symbol)));
    end if;
    v_found := v_found || jsonb_build_object(
      'account_id', v_account.account_id, 'venue_id', v_account.venue_id,
      'account_state', case when v_account.venue_state = 'active' then v_account.state
                            else v_account.venue_state end,
      'account_mode', v_account.mode, 'currency', v_account.currency, 'halts', v_halted,
      'equity', v_account.equity::text, 'mid', v_account.mid::text,
      'lot_value', v_account.lot_value::text, 'routed_last_minute', v_account.routed,
      'exposure', case when not v_held.unknown then coalesce(v_held.gross, 0)::text end,
      'rejection_rate', v_account.rejection_rate::text,
      'latency_p95_ms', coalesce(v_account.p95_ms, v_account.latency_p95_ms),
      'depth', coalesce(v_venues #>> array['depths', v_account.venue_id],
                        v_venues ->> 'depth_assumed'),
      'health', case when v_account.symbol is not null then jsonb_build_object(
        'fill_confidence', v_account.fill_confidence::text,
        'throttle_per_minute', v_account.throttle_per_minute,
        'debt_to_risk', v_account.debt_to_risk::text, 'spread_bps', v_account.spread_bps::text,
        'latency_p95_ms', v_account.latency_p95_ms, 'as_of', v_account.as_of) end);
  end loop;
  return jsonb_build_object(
    'candidates', v_found,
    'policy', v_venues - 'accounts',
    'bounds', v_bounds,
    'model', (select jsonb_build_object('model', m.model, 'body', m.body)
                from execution.venue_models m where m.state = 'active'),
    'explored', (
      select jsonb_build_object(
               'orders', count(*), 'explored_orders', count(*) filter (where c.explored),
               'notional', coalesce(sum(c.notional), 0)::text,
               'explored_notional',
               coalesce(sum(c.notional) filter (where c.explored), 0)::text)
        from (select k.explored, k.notional from public.opportunities k
               where k.strategy_id = p_strategy_id and k.propensity is not null
               order by k.created_at desc
               limit (v_venues ->> 'exploration_window')::int) c));
end $$;
comment on function execution.venue_candidates(text, text, text, text, boolean) is
  'The accounts that a strategy may choose among, how their venues do, what lies with each, what is believed of them and how much was explored of late. Internal.';
