-- Money that moved without a trade, as the venue tells it: deposits, withdrawals, overnight swaps,
-- funding, fees, adjustments. The venue's own number of it makes the transaction's id, so that
-- telling it again posts nothing. Amounts are signed: what came is positive.
create or replace function ledger.post_movements(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_item record;
  v_id uuid;
  v_known numeric;
  v_answers jsonb[] := '{}';
begin
  for v_item in
    select x.i, x.account_id, x.venue_ref, x.kind, x.amount, x.occurred_at, x.note, a.currency
      from jsonb_to_recordset(p_items) as x(
        i int, account_id text, venue_ref text, kind text, amount numeric,
        occurred_at timestamptz, note text)
      left join public.accounts a on a.account_id = x.account_id
     order by x.account_id, x.venue_ref
  loop
    if v_item.currency is null or v_item.kind not in (
         'deposit', 'withdrawal', 'swap', 'funding', 'fee', 'adjustment')
       or coalesce(v_item.venue_ref, '') = '' or coalesce(v_item.amount, 0) = 0 then
      raise exception 'no movement of account %', v_item.account_id using errcode = 'TR423';
    end if;
    v_id := substr(encode(sha256(convert_to(
      'movement/' || v_item.account_id || '/' || v_item.venue_ref, 'UTF8')), 'hex'), 1, 32)::uuid;
    if not ledger.post_movement(
         v_id, v_item.kind, v_item.account_id, v_item.currency, v_item.amount,
         coalesce(v_item.occurred_at, v_now), v_item.note, v_now) then
      select e.amount into v_known
        from ledger.entries e where e.transaction_id = v_id and e.line = 0;
      if v_known <> v_item.amount then
        raise exception 'movement % was posted with % before', v_item.venue_ref, v_known
          using errcode = 'TR419';
      end if;
      v_answers := array_append(v_answers, jsonb_build_object(
        'i', v_item.i, 'transaction_id', v_id, 'repeated', true));
      continue;
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item.i, 'transaction_id', v_id, 'repeated', false));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function ledger.post_movements(jsonb) is
  'Post money that moved without a trade, once per venue number. TR419: posted with another amount. TR423: no such account, kind, number or amount. Called by other procedures only.';
