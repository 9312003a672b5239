-- A residual that still stands is handed to the hedger as a row in the account's order, so that
-- it is judged between the account's fills and never beside one of them.
create or replace function execution.renew_covers(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_fill record;
  v_cover_id uuid;
  v_answers jsonb[] := '{}';
begin
  for v_item in
    select x.i, x.symbol, x.symbols, x.tries, x.window_s, c.account_id, c.org_id, c.venue_id
      from jsonb_to_recordset(p_items) as x(
        i int, account_id text, symbol text, symbols text[], tries int, window_s int)
      join public.accounts c on c.account_id = x.account_id
     order by c.account_id, x.symbol
       for no key update of c
  loop
    v_cover_id := null;
    select f.fill_id, f.strategy_id, f.correlation_id into v_fill
      from public.fills f
     where f.org_id = v_item.org_id and f.account_id = v_item.account_id
       and f.symbol = any (v_item.symbols)
     order by f.filled_at desc, f.fill_id desc limit 1;
    -- Who looked before another's try was kept is told so by the count.
    if found and v_item.tries = (
         select count(*) from execution.covers a
          where a.account_id = v_item.account_id and a.symbol = v_item.symbol
            and a.asked_at > now() - v_item.window_s * interval '1 second')
       and governance.standing_halt(v_item.org_id, v_item.venue_id, v_item.account_id,
                                    v_fill.strategy_id, v_item.symbol) is null then
      v_cover_id := bus.uuid7();
      insert into execution.covers (cover_id, org_id, account_id, symbol, fill_id)
      values (v_cover_id, v_item.org_id, v_item.account_id, v_item.symbol, v_fill.fill_id);
      perform bus.deliver_row('hedger', 'residual', v_cover_id, v_item.account_id,
                              v_item.org_id, v_fill.correlation_id, 30000);
    end if;
    v_answers := array_append(v_answers, jsonb_build_object(
      'i', v_item.i, 'cover_id', v_cover_id));
  end loop;
  return to_jsonb(v_answers);
end $$;
comment on function execution.renew_covers(jsonb) is
  'Hand residuals that stand to the hedger once more, each after its newest fill; null where a halt stands, another was faster or nothing was filled.';
grant execute on function execution.renew_covers(jsonb) to hedger_agent;
