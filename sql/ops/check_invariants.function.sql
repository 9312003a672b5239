-- An invariant is a function ops.broken_<name>() that returns the offenders as text; a new file
-- is a new invariant. One that fails is named with null violations, and the others still run.
create or replace function ops.check_invariants() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_violations bigint;
  v_samples text[];
  v_found jsonb := '[]';
begin
  -- Counts are the desk's own, samples are rows of whomever: for who may see everybody's.
  for v_name in
    select p.proname from pg_catalog.pg_proc p
     where p.pronamespace = 'ops'::regnamespace and p.proname like 'broken\_%'
     order by p.proname
  loop
    begin
      execute format(
        'select count(*), coalesce((array_agg(b order by b))[1:5], ''{}'') from ops.%I() b', v_name)
        into v_violations, v_samples;
    exception when others then
      v_violations := null;
      v_samples := array[sqlstate || ' ' || sqlerrm];
    end;
    v_found := v_found || jsonb_build_object(
      'name', substr(v_name, 8), 'violations', v_violations,
      'samples', case when ops.acts_for(null) then v_samples else '{}' end);
  end loop;
  return v_found;
end $$;
comment on function ops.check_invariants() is
  'Run every invariant: name, violations (null if it could not run), up to five samples.';
grant execute on function ops.check_invariants() to supervisor_agent, desk_operator, desk_reader;
