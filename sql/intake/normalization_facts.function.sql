create or replace function intake.normalization_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = ''
-- Plans outlive the small tables they were made for: index lookups alone keep their price.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_policy_hash text;
  v_policy jsonb;
begin
  select p.policy_hash, p.body -> 'intake' into v_policy_hash, v_policy
    from risk.policies p where p.active;
  return (
    with item as materialized (
      select x.i, x.alert_id, upper(regexp_replace(x.symbol_raw, '^.*:', '')) as spelling,
             -- `BINANCE_DLY` is Binance with delayed prices.
             coalesce(regexp_replace(upper(coalesce(
               substring(x.symbol_raw from '^(.*):'), x.exchange)), '_DLY?$', ''), '') as exchange
        from jsonb_to_recordset(p_items) as x(
          i int, alert_id uuid, symbol_raw text, exchange text)
    ), asked as materialized (
      select distinct item.spelling, item.exchange from item
    ), beginning as materialized (
      -- A broker's marks stand in front, its suffix behind: every beginning of the spelling
      -- that names an instrument is a candidate, and the domain decides between them.
      select asked.spelling, asked.exchange, left(p.part, n.length) as part
        from asked
        cross join lateral (
          select asked.spelling as part
          union
          select ltrim(asked.spelling, '#^.')
          union
          select regexp_replace(ltrim(asked.spelling, '#^.'), '[\s/_\-]', '', 'g')) p
        -- The longest suffix has a mark and eight characters, the shortest stem three.
        cross join lateral generate_series(
          least(length(p.part), greatest(3, length(p.part) - 9)), length(p.part)) n(length)
      union all
      -- What a spelling means at one exchange goes before what it means anywhere.
      select asked.spelling, asked.exchange,
             asked.exchange || ':' || regexp_replace(asked.spelling, '[\s/_\-]', '', 'g')
        from asked where asked.exchange <> ''
    ), candidate as (
      select b.spelling, b.exchange, a.symbol
        from beginning b join public.instrument_aliases a on a.alias = b.part
      union
      select b.spelling, b.exchange, s.symbol
        from beginning b join public.instruments s on s.symbol = b.part
    ), named as (
      select c.spelling, c.exchange, jsonb_agg(jsonb_build_object(
               'symbol', s.symbol, 'symbol_class', s.symbol_class,
               'base_currency', s.base_currency, 'quote_currency', s.quote_currency,
               'digits', s.digits, 'tick_size', s.tick_size::text,
               'pip_size', s.pip_size::text, 'contract_size', s.contract_size::text,
               'volume_min', s.volume_min::text, 'volume_max', s.volume_max::text,
               'volume_step', s.volume_step::text, 'calendar', s.calendar, 'state', s.state,
               'aliases', (select coalesce(jsonb_agg(a.alias order by a.alias), '[]')
                             from public.instrument_aliases a where a.symbol = s.symbol))
               order by s.symbol) as instruments
        from candidate c
        join public.instruments s on s.symbol = c.symbol
       group by c.spelling, c.exchange
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', item.i,
             'instruments', coalesce(named.instruments, '[]'),
             'distances', jsonb_build_object('stop', b.stop_distance, 'take', b.take_distance),
             -- Distances of an alert that names no price are measured from the market.
             'quotes', case when b.price is null and coalesce(
                              b.stop_distance, b.take_distance) is not null then
               (select jsonb_object_agg(q.symbol, jsonb_build_object(
                         'bid', q.bid::text, 'ask', q.ask::text, 'as_of', q.received_at))
                  from jsonb_array_elements(named.instruments) n
                  join public.strategies t on t.strategy_id = s.strategy_id
                  join public.accounts c on c.account_id = t.account_id
                  join public.latest_quotes q
                    on q.venue_id = c.venue_id and q.symbol = n.value ->> 'symbol') end,
             'max_age_ms', s.max_age_ms,
             'signal_id', g.signal_id,
             'approved', (select coalesce(jsonb_agg(v.reason_code order by v.opened_at), '[]')
                            from public.review_queue v
                           where v.correlation_id = r.correlation_id and v.kind = 'alert'
                             and v.state = 'approved'),
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from item
      left join named on named.spelling = item.spelling and named.exchange = item.exchange
      left join public.signals_raw r on r.alert_id = item.alert_id
      -- What a door did not read was read afterwards.
      left join intake.readings d on d.alert_id = item.alert_id
      left join lateral jsonb_to_record(coalesce(r.parsed, d.parsed)) as b(
        price text, stop_distance jsonb, take_distance jsonb) on true
      left join intake.sources s on s.source_id = r.source_id
      left join public.signals_normalized g on g.alert_id = item.alert_id);
end $$;
comment on function intake.normalization_facts(jsonb) is
  'Instruments that a spelling may mean, stop and target distances, quotes to measure them from, the age a source allows, what a person approved, the active pack.';
grant execute on function intake.normalization_facts(jsonb) to normalizer_agent;
