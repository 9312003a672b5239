create or replace function risk.count_reservation(p_book jsonb, p_read record, p_quantity numeric)
returns jsonb
language plpgsql immutable as $$
declare
  v_row jsonb := jsonb_build_object(
    'account_id', p_read.account_id, 'org_id', p_read.org_id, 'venue_id', p_read.venue_id,
    'currency', p_read.currency, 'shadow', p_read.item ->> 'mode' = 'shadow',
    'symbol', p_read.symbol, 'quantity', 0, 'buys', 0, 'sells', 0, 'orders', 0,
    'lot', p_read.lot, 'sigma', p_read.sigma);
  v_side text := case p_read.side when 'BUY' then 'buys' else 'sells' end;
  v_at int := jsonb_array_length(p_book);
begin
  for i in 0 .. v_at - 1 loop
    if p_book #>> array[i::text, 'account_id'] = p_read.account_id
       and p_book #>> array[i::text, 'symbol'] = p_read.symbol then
      v_row := p_book -> i;
      v_at := i;
      exit;
    end if;
  end loop;
  v_row := v_row || jsonb_build_object(
    v_side, (v_row ->> v_side)::numeric + p_quantity, 'orders', (v_row ->> 'orders')::int + 1);
  return jsonb_set(p_book, array[v_at::text], v_row);
end $$;
comment on function risk.count_reservation(jsonb, record, numeric) is
  'Add what was just reserved to the book of its batch. Internal.';
