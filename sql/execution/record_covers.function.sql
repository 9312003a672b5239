create or replace function execution.record_covers(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into execution.covers as k
    (cover_id, org_id, account_id, symbol, fill_id, intent_id, side, quantity, asked_at)
  select x.cover_id, c.org_id, c.account_id, x.symbol, x.fill_id, x.intent_id, x.side, x.quantity,
         clock_timestamp()
    from jsonb_to_recordset(p_items) as x(
      cover_id uuid, account_id text, symbol text, fill_id uuid, intent_id uuid, side text,
      quantity numeric)
    join public.accounts c on c.account_id = x.account_id
   order by x.cover_id
  on conflict (cover_id) do update
     set symbol = excluded.symbol, intent_id = excluded.intent_id, side = excluded.side,
         quantity = excluded.quantity, asked_at = excluded.asked_at
   where k.intent_id is null;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function execution.record_covers(jsonb) is
  'Keep what is asked for, in the transaction that asks: it counts as filled until authority has answered.';
grant execute on function execution.record_covers(jsonb) to hedger_agent;
