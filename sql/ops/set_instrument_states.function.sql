-- The life of an instrument: new → watchlist_only ⇄ tradable → deprecated, and from new straight
-- to any of them. Every other step is a manual override, which says so in the row and in the
-- journal; who and why stand there for every step.
create or replace function ops.set_instrument_states(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_held text;
  v_leads boolean;
  v_answers jsonb := '[]';
begin
  for v_item in
    select x.i, upper(x.symbol) as symbol, x.state, x.reason,
           coalesce(x.override, false) as override
      from jsonb_to_recordset(p_items) as x(
        i int, symbol text, state text, reason text, override boolean)
     order by upper(x.symbol), x.i
  loop
    if coalesce(btrim(v_item.reason), '') = '' then
      raise exception 'a step in an instrument''s life needs a reason' using errcode = 'TR507';
    end if;
    select s.state into v_held from public.instruments s
     where s.symbol = v_item.symbol for update;
    if not found then
      raise exception 'no instrument %', v_item.symbol using errcode = 'TR260';
    end if;
    v_leads := (v_held, v_item.state) in (
      ('new', 'watchlist_only'), ('new', 'tradable'), ('new', 'deprecated'),
      ('watchlist_only', 'tradable'), ('tradable', 'watchlist_only'),
      ('watchlist_only', 'deprecated'), ('tradable', 'deprecated'));
    if v_held <> v_item.state then
      if not v_leads and not v_item.override then
        raise exception '% is %: nothing leads to %', v_item.symbol, v_held, v_item.state
          using errcode = 'TR261';
      end if;
      update public.instruments
         set state = v_item.state, state_override = not v_leads, state_reason = v_item.reason,
             state_by = session_user, state_at = clock_timestamp()
       where symbol = v_item.symbol;
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'symbol', v_item.symbol, 'before', v_held, 'state', v_item.state,
      'override', v_held <> v_item.state and not v_leads, 'repeated', v_held = v_item.state);
  end loop;
  return v_answers;
end $$;
comment on function ops.set_instrument_states(jsonb) is
  'Move instruments in their life, or override it. TR260: unknown, TR261: a step that needs an override, TR507: no reason.';
grant execute on function ops.set_instrument_states(jsonb) to desk_operator;
