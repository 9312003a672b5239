-- A spelling leads to one instrument; moving it to another is a manual override. An item whose
-- symbol is null takes the spelling away.
create or replace function ops.set_instrument_aliases(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_held text;
  v_answers jsonb := '[]';
begin
  for v_item in
    -- As the registry compares spellings: upper case, without separators.
    select x.i, regexp_replace(upper(x.alias), '[\s/_\-]', '', 'g') as alias,
           upper(x.symbol) as symbol, x.reason, coalesce(x.override, false) as override
      from jsonb_to_recordset(p_items) as x(
        i int, alias text, symbol text, reason text, override boolean)
     order by 2, 1
  loop
    if coalesce(btrim(v_item.reason), '') = '' or v_item.alias = '' then
      raise exception 'a spelling needs a reason' using errcode = 'TR507';
    elsif v_item.symbol is not null and not exists (
      select from public.instruments s where s.symbol = v_item.symbol) then
      raise exception 'no instrument %', v_item.symbol using errcode = 'TR260';
    elsif exists (select from public.instruments s
                   where s.symbol = v_item.alias and s.symbol is distinct from v_item.symbol) then
      raise exception '% is an instrument itself', v_item.alias using errcode = 'TR262';
    end if;
    select a.symbol into v_held from public.instrument_aliases a
     where a.alias = v_item.alias for update;
    if v_held <> v_item.symbol and not v_item.override then
      raise exception '% means %', v_item.alias, v_held using errcode = 'TR262';
    end if;
    if v_item.symbol is null then
      -- The row says who took it away before it goes: the journal keeps what it was last.
      update public.instrument_aliases
         set reason = v_item.reason, recorded_by = session_user, recorded_at = clock_timestamp()
       where alias = v_item.alias;
      delete from public.instrument_aliases where alias = v_item.alias;
    elsif v_held is distinct from v_item.symbol then
      insert into public.instrument_aliases (alias, symbol, reason, recorded_by)
      values (v_item.alias, v_item.symbol, v_item.reason, session_user)
      on conflict (alias) do update
         set symbol = excluded.symbol, reason = excluded.reason,
             recorded_by = excluded.recorded_by, recorded_at = clock_timestamp();
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'alias', v_item.alias, 'before', v_held, 'symbol', v_item.symbol,
      'repeated', v_held is not distinct from v_item.symbol);
  end loop;
  return v_answers;
end $$;
comment on function ops.set_instrument_aliases(jsonb) is
  'Say which instrument a spelling means, or that it means none. TR260: unknown instrument, TR262: it means another, TR507: no reason.';
grant execute on function ops.set_instrument_aliases(jsonb) to desk_operator;
