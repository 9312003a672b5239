create or replace function intake.count_precedents() returns trigger
language plpgsql set search_path = '' as $$
begin
  insert into intake.precedent_groups as held (org_id, symbol_class, held)
  select a.org_id, a.symbol_class, count(*) from added a group by a.org_id, a.symbol_class
   order by a.org_id, a.symbol_class
  on conflict (org_id, symbol_class) do update set held = held.held + excluded.held;
  return null;
end $$;
comment on function intake.count_precedents() is
  'Trigger of precedents: keeps how many each organisation has of a class.';
