create or replace function governance.scope_exists(p_scope text, p_scope_id text)
returns boolean
language plpgsql stable as $$
begin
  return case p_scope
    when 'platform' then p_scope_id = '*'
    when 'organization' then exists (
      select from public.organizations o where o.org_id = p_scope_id)
    when 'venue' then exists (select from public.venues v where v.venue_id = p_scope_id)
    when 'account' then exists (select from public.accounts a where a.account_id = p_scope_id)
    when 'strategy' then exists (
      select from public.strategies s where s.strategy_id = p_scope_id)
    when 'instrument' then exists (
      select from public.instruments i where i.symbol = p_scope_id)
    else false end;
end $$;
comment on function governance.scope_exists(text, text) is
  'Tell whether there is something of that scope and name to halt. Called by other procedures only.';
