create or replace function governance.scope_organization(p_scope text, p_scope_id text)
returns text
language plpgsql stable as $$
begin
  return case p_scope
    when 'organization' then p_scope_id
    when 'account' then (
      select a.org_id from public.accounts a where a.account_id = p_scope_id)
    when 'strategy' then (
      select s.org_id from public.strategies s where s.strategy_id = p_scope_id) end;
end $$;
comment on function governance.scope_organization(text, text) is
  'The organisation that a scope of that name belongs to; null for what everyone shares. Called by other procedures only.';
