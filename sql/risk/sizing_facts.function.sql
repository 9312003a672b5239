create or replace function risk.sizing_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_body jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  return (
    with item as materialized (
      select x.i, x.symbol, x.account_id, x.hypothesis_id, a.org_id, a.venue_id, a.currency
        from jsonb_to_recordset(p_items) as x(
          i int, symbol text, account_id text, hypothesis_id uuid)
        left join public.accounts a on a.account_id = x.account_id
    ), book as materialized (
      select d.account_id, d.symbol, b.quantity, b.buys, b.sells, b.unvalued,
             b.gross_other + abs(b.quantity + b.buys - b.sells) * l.lot_value as gross,
             l.*
        from (select distinct i.account_id, i.symbol, i.org_id, i.venue_id, i.currency
                from item i where i.venue_id is not null) d
        cross join lateral risk.measure_book(
          array['account'], d.account_id, d.org_id, d.venue_id, d.currency, d.symbol, '{}') b
        left join lateral risk.lot_value(d.venue_id, d.symbol, d.currency) l on true
    )
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', i.i,
             'instrument', case when n.symbol is null then null else jsonb_build_object(
               'contract_size', n.contract_size::text, 'volume_min', n.volume_min::text,
               'volume_max', n.volume_max::text, 'volume_step', n.volume_step::text,
               'digits', n.digits) end,
             'account', case when e.account_id is null then null else jsonb_build_object(
               'equity', e.equity::text, 'currency', i.currency, 'as_of', e.as_of) end,
             'quote', case when b.mid is null then null else jsonb_build_object(
               'bid', b.bid::text, 'ask', b.ask::text, 'received_at', b.received_at) end,
             'rate', b.rate::text,
             'current_quantity', (b.quantity + b.buys - b.sells)::text,
             'gross_exposure', case when b.unvalued then null else b.gross::text end,
             'probability', h.probability::text,
             'balances', (select jsonb_agg(jsonb_build_object(
                            'currency', t.currency, 'cash', t.cash::text,
                            'equity', t.equity::text, 'as_of', t.as_of) order by t.currency)
                            from treasury.balances t where t.org_id = i.org_id),
             'margin_rate', v_body #>> '{authority,margin_rate}',
             'policy', v_body -> 'sizing', 'treasury', v_body -> 'treasury',
             'policy_hash', v_policy_hash, 'now', v_now)), '[]')
      from item i
      left join public.instruments n on n.symbol = i.symbol
      left join risk.account_state e on e.account_id = i.account_id
      left join book b on b.account_id = i.account_id and b.symbol = i.symbol
      left join public.hypotheses h on h.hypothesis_id = i.hypothesis_id);
end $$;
comment on function risk.sizing_facts(jsonb) is
  'What a size depends on: equity, instrument, quote and rate, position with what is reserved, treasury balances, and the pack''s numbers.';
grant execute on function risk.sizing_facts(jsonb) to portfolio_agent;
