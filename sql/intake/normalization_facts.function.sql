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
      select x.i, x.alert_id, upper(regexp_replace(x.symbol_raw, '^.*:', '')) as spelling
        from jsonb_to_recordset(p_items) as x(i int, alert_id uuid, symbol_raw text)
    ), beginning as materialized (
      -- A broker's marks stand in front, its suffix behind: every beginning of the spelling
      -- that names an instrument is a candidate, and the domain decides between them.
      select item.spelling, left(p.part, n.length) as part
        from (select distinct item.spelling from item) item
        cross join lateral (
          values (item.spelling),
                 (ltrim(item.spelling, '#^.')),
                 (regexp_replace(ltrim(item.spelling, '#^.'), '[\s/_\-]', '', 'g'))) p(part)
        cross join generate_series(2, 32) n(length)
       where n.length <= length(p.part)
    ), candidate as (
      select b.spelling, a.symbol
        from beginning b join public.instrument_aliases a on a.alias = b.part
      union
      select b.spelling, s.symbol
        from beginning b join public.instruments s on s.symbol = b.part
    ), named as (
      select c.spelling, jsonb_agg(jsonb_build_object(
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
       group by c.spelling
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', item.i,
             'instruments', coalesce(named.instruments, '[]'),
             'distances', jsonb_build_object('stop', r.parsed -> 'stop_distance',
                                             'take', r.parsed -> 'take_distance'),
             'max_age_ms', s.max_age_ms,
             'signal_id', g.signal_id,
             'approved', (select coalesce(jsonb_agg(v.reason_code order by v.opened_at), '[]')
                            from public.review_queue v
                           where v.correlation_id = r.correlation_id and v.kind = 'alert'
                             and v.state = 'approved'),
             'policy', v_policy, 'policy_hash', v_policy_hash)), '[]')
      from item
      left join named on named.spelling = item.spelling
      left join public.signals_raw r on r.alert_id = item.alert_id
      left join intake.sources s on s.source_id = r.source_id
      left join public.signals_normalized g on g.alert_id = item.alert_id);
end $$;
comment on function intake.normalization_facts(jsonb) is
  'Instruments that a spelling may mean, stop and target distances, the age a source allows, what a person approved, the active pack.';
grant execute on function intake.normalization_facts(jsonb) to normalizer_agent;
