create or replace function execution.account_connections(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  -- Not language sql: that would be planned again at every call.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
             'i', x.i, 'account_id', c.account_id, 'venue_id', c.venue_id,
             'venue_kind', v.kind, 'login', c.login, 'connection', c.connection,
             'mode', c.mode, 'currency', c.currency)), '[]')
      from jsonb_to_recordset(p_items) as x(i int, account_id text)
      left join public.accounts c on c.account_id = x.account_id
      left join public.venues v on v.venue_id = c.venue_id);
end $$;
comment on function execution.account_connections(jsonb) is
  'How to reach the terminals of accounts; names of secrets, never secrets.';
grant execute on function execution.account_connections(jsonb)
  to execution_agent, market_data_agent;
