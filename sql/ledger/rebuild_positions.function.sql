-- Positions are derived: if they are not what their fills make, the fills are right. The account's
-- positions are held meanwhile, and every correction becomes an incident that people read.
create or replace function ledger.rebuild_positions(p_account_id text, p_reason text)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_found jsonb;
begin
  if coalesce(trim(p_reason), '') = '' then
    raise exception 'a rebuild needs a reason' using errcode = 'TR507';
  elsif not exists (select from public.accounts a where a.account_id = p_account_id
                                                            and ops.acts_for(a.org_id)) then
    raise exception 'no account %', p_account_id using errcode = 'TR304';
  end if;
  perform from public.positions p
    where p.account_id = p_account_id order by p.account_id, p.symbol for update;
  v_found := ledger.compare_positions(p_account_id);
  if v_found = '[]' then
    return v_found;
  end if;
  insert into public.positions as p
    (account_id, symbol, org_id, quantity, average_price, realized_pnl, commission, fills,
     updated_at)
  select f.account_id, f.symbol, f.org_id, f.quantity, f.average_price, f.realized_pnl,
         f.commission, f.fills, v_now
    from ledger.fold_fills(p_account_id) f
   where f.symbol in (select x ->> 'symbol' from jsonb_array_elements(v_found) x)
   order by f.symbol
  on conflict (account_id, symbol) do update
     set quantity = excluded.quantity, average_price = excluded.average_price,
         realized_pnl = excluded.realized_pnl, commission = excluded.commission,
         fills = excluded.fills, updated_at = excluded.updated_at;
  update public.positions p
     set quantity = 0, average_price = null, realized_pnl = 0, commission = 0, fills = 0,
         updated_at = v_now
   where p.account_id = p_account_id
     and p.symbol in (select x ->> 'symbol' from jsonb_array_elements(v_found) x
                       where x -> 'rebuilt' = 'null');
  insert into ops.incidents (incident_id, kind, subject, severity, detail, state, opened_at)
  values (bus.uuid7(), 'positions_rebuilt', p_account_id || ' ' || v_now::text, 'WARN',
          jsonb_build_object('account_id', p_account_id, 'by', execution.asking_person(),
                             'reason', p_reason, 'positions', v_found),
          'open', v_now);
  return v_found;
end $$;
comment on function ledger.rebuild_positions(text, text) is
  'Set an account''s positions to what its fills make; give what differed. TR304: no such account. TR507: no reason.';
grant execute on function ledger.rebuild_positions(text, text) to desk_operator;
