create or replace function treasury.status_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_policy_hash text;
  v_body jsonb;
  v_organizations jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  select coalesce(jsonb_agg(jsonb_build_object(
           'org_id', g.org_id, 'currency', g.base_currency, 'balances', b.held,
           'gross_exposure', case when e.unvalued then null else e.gross_other::text end,
           'last', case when s.org_id is null then null else jsonb_build_object(
             'currency', s.currency, 'nav', s.nav::text, 'utilization', s.utilization::text,
             'throttle', s.throttle::text, 'reasons', to_jsonb(s.reasons),
             'policy_hash', s.policy_hash, 'recorded_at', s.recorded_at) end)
           order by g.org_id), '[]')
    into v_organizations
    from public.organizations g
    join lateral (
      select jsonb_agg(jsonb_build_object(
               'currency', t.currency, 'cash', (t.cash - treasury.earmarked(t.org_id, t.currency))::text, 'equity', t.equity::text,
               'rate', execution.conversion_rate(t.currency, g.base_currency, null, null)::text,
               'as_of', t.as_of) order by t.currency) as held
        from treasury.balances t where t.org_id = g.org_id) b on b.held is not null
    -- No account and no symbol is kept apart: the whole organisation counts.
    left join lateral risk.measure_book(
      array['organization'], '', g.org_id, '', g.base_currency, '', '{}') e on true
    left join treasury.states s on s.org_id = g.org_id;
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'organizations', v_organizations,
                   'policy', v_body -> 'treasury',
                   'margin_rate', v_body #>> '{authority,margin_rate}',
                   'policy_hash', v_policy_hash)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function treasury.status_facts(jsonb) is
  'Balances of every organisation with rates into its base currency, its gross exposure in the worst case (null if something cannot be valued), and what was published last.';
grant execute on function treasury.status_facts(jsonb) to treasury_agent;
