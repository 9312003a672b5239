-- An instrument begins as `new`: it is recognised in alerts and trades once someone says so.
create or replace function ops.add_instruments(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_answers jsonb := '[]';
begin
  for v_item in
    select x.i, upper(x.symbol) as symbol, x.symbol_class, x.base_currency, x.quote_currency,
           x.digits, x.tick_size, x.pip_size, x.contract_size, x.volume_min, x.volume_max,
           x.volume_step, coalesce(x.calendar, 'weekdays') as calendar, x.reason
      from jsonb_to_recordset(p_items) as x(
        i int, symbol text, symbol_class text, base_currency text, quote_currency text,
        digits int, tick_size numeric, pip_size numeric, contract_size numeric,
        volume_min numeric, volume_max numeric, volume_step numeric, calendar text, reason text)
     order by x.symbol
  loop
    if coalesce(btrim(v_item.reason), '') = '' then
      raise exception 'a new instrument needs a reason' using errcode = 'TR507';
    elsif exists (select from public.instrument_aliases a where a.alias = v_item.symbol) then
      raise exception '% is a spelling of another instrument', v_item.symbol
        using errcode = 'TR262';
    end if;
    insert into public.instruments
      (symbol, symbol_class, base_currency, quote_currency, digits, tick_size, pip_size,
       contract_size, volume_min, volume_max, volume_step, calendar, state, state_reason,
       state_by, state_at)
    values (v_item.symbol, v_item.symbol_class, upper(v_item.base_currency),
            upper(v_item.quote_currency), v_item.digits, v_item.tick_size, v_item.pip_size,
            v_item.contract_size, v_item.volume_min, v_item.volume_max, v_item.volume_step,
            v_item.calendar, 'new', v_item.reason, session_user, clock_timestamp())
    on conflict (symbol) do nothing;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'symbol', v_item.symbol, 'repeated', not found);
  end loop;
  return v_answers;
end $$;
comment on function ops.add_instruments(jsonb) is
  'Register instruments as new; known ones stay as they are. TR262: the symbol is a spelling of another, TR507: no reason.';
grant execute on function ops.add_instruments(jsonb) to desk_operator;
