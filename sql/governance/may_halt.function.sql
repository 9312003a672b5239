-- What everyone shares anybody may stop who may stop anything; what is another organisation's
-- is as if it were not there.
create or replace function governance.may_halt(p_items jsonb) returns void
language plpgsql stable as $$
begin
  if exists (
       select from jsonb_to_recordset(p_items) as x(scope text, scope_id text)
        where x.scope in ('organization', 'account', 'strategy')
          and not ops.acts_for(governance.scope_organization(x.scope, x.scope_id))) then
    raise exception 'there is nothing of that scope and name' using errcode = 'TR515';
  end if;
end $$;
comment on function governance.may_halt(jsonb) is
  'Refuse to halt what belongs to another organisation than this session''s person. TR515. Called by other procedures only.';
