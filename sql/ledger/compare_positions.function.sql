create or replace function ledger.compare_positions(p_account_id text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'account_id', coalesce(p.account_id, f.account_id),
             'symbol', coalesce(p.symbol, f.symbol),
             'held', case when p.account_id is not null then jsonb_build_object(
               'quantity', p.quantity::text, 'average_price', p.average_price::text,
               'realized_pnl', p.realized_pnl::text, 'commission', p.commission::text,
               'fills', p.fills) end,
             'rebuilt', case when f.account_id is not null then jsonb_build_object(
               'quantity', f.quantity::text, 'average_price', f.average_price::text,
               'realized_pnl', f.realized_pnl::text, 'commission', f.commission::text,
               'fills', f.fills) end)
             order by coalesce(p.account_id, f.account_id), coalesce(p.symbol, f.symbol)), '[]')
      from (select k.account_id, k.org_id, k.symbol, k.quantity, k.average_price, k.realized_pnl,
                 k.commission, k.fills
            from public.positions k
             where p_account_id is null or k.account_id = p_account_id) p
      full join ledger.fold_fills(p_account_id) f
        on f.account_id = p.account_id and f.symbol = p.symbol
     where ops.acts_for(coalesce(p.org_id, f.org_id))
       and (coalesce(p.quantity, 0), p.average_price, coalesce(p.realized_pnl, 0),
            coalesce(p.commission, 0), coalesce(p.fills, 0))
           is distinct from
           (coalesce(f.quantity, 0), f.average_price, coalesce(f.realized_pnl, 0),
            coalesce(f.commission, 0), coalesce(f.fills, 0)));
end $$;
comment on function ledger.compare_positions(text) is
  'Rebuild positions from fills and name those that are not what they should be; null for every account.';
grant execute on function ledger.compare_positions(text) to desk_operator, desk_reader;
