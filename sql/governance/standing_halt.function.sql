create or replace function governance.standing_halt(
  p_org_id text, p_venue_id text, p_account_id text, p_strategy_id text, p_symbol text)
returns uuid
language plpgsql stable as $$
begin
  return (
  select g.halt_id
    from governance.halts g
   where g.lifted_at is null
     and (g.scope = 'platform'
          or (g.scope, g.scope_id) in (
            ('organization', p_org_id), ('venue', p_venue_id), ('account', p_account_id),
            ('strategy', p_strategy_id), ('instrument', p_symbol)))
   order by g.halted_at
   limit 1);
end $$;
comment on function governance.standing_halt(text, text, text, text, text) is
  'The oldest halt that covers an order, or null. Called by other procedures only.';
