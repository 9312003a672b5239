-- What some limits look at beside the book, read once for a batch; p_kinds are those of the pack
-- that look. Figures that are too old are left out, which denies.
create or replace function risk.read_conditions(
  p_items jsonb, p_accounts text[], p_kinds text[], p_authority jsonb, p_windows jsonb)
returns jsonb
language plpgsql stable as $$
declare
  v_now timestamptz := clock_timestamp();
  v_kinds text[] := coalesce(p_kinds, '{}');
  v_symbols text[];
  v_conditions jsonb := '{}';
begin
  if exists (select from risk.cooldowns c where c.ended_at is null) then
    v_conditions := jsonb_build_object('cooldowns', (
      select jsonb_agg(c.scope || '/' || c.scope_id) from risk.cooldowns c
       where c.ended_at is null and (c.rests_until is null or c.rests_until > v_now)));
  end if;
  if p_windows <> '[]' then
    v_conditions := v_conditions || jsonb_build_object('windows', p_windows);
  end if;
  if p_authority -> 'scaling' <> 'null' then
    v_conditions := v_conditions || jsonb_build_object('scaling', p_authority -> 'scaling');
  end if;
  if v_kinds = '{}' and not v_conditions ? 'scaling' then
    return nullif(v_conditions, '{}');
  end if;

  v_symbols := array(
    select distinct e.item ->> 'symbol' from jsonb_array_elements(p_items) e(item));
  if v_conditions ? 'scaling' then
    v_conditions := v_conditions || jsonb_build_object('usual', (
      select jsonb_object_agg(v.symbol, jsonb_build_array(v.sigma_usual, v.spread_usual_bps))
        from risk.volatilities v where v.symbol = any (v_symbols)));
  end if;
  if 'basket_exposure_pct' = any (v_kinds) then
    v_conditions := v_conditions || jsonb_build_object(
      'basket_from', p_authority -> 'basket_correlation',
      'correlations', (select jsonb_object_agg(s.symbol, s.correlations) from risk.scenarios s
                        where s.symbol = any (v_symbols) and s.good_until > v_now));
  end if;
  if v_kinds && array['adverse_selection_bps', 'rejection_rate_pct'] then
    v_conditions := v_conditions || jsonb_build_object('measured', (
      select jsonb_object_agg(m.kind || '/' || m.scope || '/' || m.scope_id, m.value)
        from risk.measurements m where m.good_until > v_now and m.kind = any (v_kinds)));
  end if;
  if 'counterparty_equity' = any (v_kinds) then
    v_conditions := v_conditions || jsonb_build_object('counterparties', (
      select jsonb_object_agg(h.venue_id, h.equity)
        from (select a.venue_id, case when count(distinct a.currency) = 1
                                       and count(z.equity) = count(*) then sum(z.equity) end
                       as equity
                from public.accounts a
                left join risk.account_state z on z.account_id = a.account_id
               where a.state <> 'closed' and a.venue_id in (
                       select k.venue_id from public.accounts k
                        where k.account_id = any (p_accounts))
               group by a.venue_id) h));
  end if;
  if 'news_distance_s_min' = any (v_kinds) then
    -- A day is as far as anyone looks.
    v_conditions := v_conditions || jsonb_build_object('news', (
      select jsonb_object_agg(i.symbol, coalesce((
               select min(round(abs(extract(epoch from n.happens_at - v_now))))
                 from risk.news_events n
                where n.happens_at between v_now - interval '1 day' and v_now + interval '1 day'
                  and n.currency in ('*', i.base_currency, i.quote_currency)), 86400))
        from public.instruments i where i.symbol = any (v_symbols)));
  end if;
  if 'order_rate_per_minute' = any (v_kinds) then
    v_conditions := v_conditions || jsonb_build_object('rates', (
      select coalesce(jsonb_object_agg(r.key, r.n), '{}')
        from (select k.key, count(*) as n
                from public.organizations g
                cross join lateral (
                  select i.strategy_id, i.symbol from public.intents i
                   where i.org_id = g.org_id and i.created_at > v_now - interval '1 minute'
                     and i.authorized_quantity is not null) i
                cross join lateral (values ('strategy/' || i.strategy_id),
                                           ('instrument/' || i.symbol)) as k(key)
               group by k.key) r));
  end if;
  return v_conditions;
end $$;
comment on function risk.read_conditions(jsonb, text[], text[], jsonb, jsonb) is
  'Cooldowns, windows, brakes, news, correlations and what is usual, as far as the pack limits by them. Internal.';
