-- Whose people may decide: a halt or rest inside an organisation is nobody else's to end.
create or replace function governance.subject_organization(
  p_kind text, p_subject text, p_payload jsonb)
returns text
language plpgsql stable as $$
begin
  return case p_kind
    when 'halt' then governance.scope_organization(
      p_payload ->> 'scope', p_payload ->> 'scope_id')
    when 'lift_halt' then (
      select governance.scope_organization(g.scope, g.scope_id) from governance.halts g
       where g.halt_id::text = p_subject)
    when 'end_cooldown' then (
      select governance.scope_organization(c.scope, c.scope_id) from risk.cooldowns c
       where c.cooldown_id::text = p_subject)
    when 'go_live' then governance.scope_organization('account', p_subject) end;
end $$;
comment on function governance.subject_organization(text, text, jsonb) is
  'The organisation whose people decide on a subject; null where it is no single one''s. Called by other procedures only.';
