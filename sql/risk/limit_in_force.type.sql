-- A limit of the pack in force together with what its kind is: how authority reads a pack.
do $$
begin
  if to_regtype('risk.limit_in_force') is null then
    create type risk.limit_in_force as (
      kind text, rank int, unit text, code text, trims boolean, budget boolean, spared boolean,
      shared boolean, scope text, scope_id text, value numeric);
  end if;
end $$;
comment on type risk.limit_in_force is
  'A limit of the active pack, with its kind: rank, denial code, whether it trims, fills up, spares what reduces, is shared by accounts.';
