-- Exact where a group is small enough to look at each, by the graph beyond; what the graph
-- leaves short is looked up exactly. Signals that look the same within a minute share one look,
-- as of the first of them.
create or replace function intake.alike(p_asked jsonb, p_count int)
returns table (nr int, precedents jsonb)
language plpgsql stable as $$
#variable_conflict use_column
declare
  c_exact_max constant int := 20000;
  v_asked record;
  v_found jsonb;
begin
  for v_asked in
    select x.org_id, x.symbol_class, x.vector::extensions.vector as vector,
           min(x.known_at) as known_at, array_agg(x.nr) as nrs, min(g.held) as held
      from jsonb_to_recordset(p_asked) as x(
        nr int, vector text, org_id text, symbol_class text, known_at timestamptz)
      join intake.precedent_groups g
        on g.org_id = x.org_id and g.symbol_class = x.symbol_class and g.held > 0
     where x.vector is not null
     group by x.org_id, x.symbol_class, x.vector, date_trunc('minute', x.known_at)
  loop
    v_found := null;
    if v_asked.held > c_exact_max then
      v_found := intake.alike_near(
        v_asked.org_id, v_asked.symbol_class, v_asked.known_at, v_asked.vector, p_count);
    end if;
    if v_found is null or jsonb_array_length(v_found) < p_count then
      v_found := intake.alike_exact(
        v_asked.org_id, v_asked.symbol_class, v_asked.known_at, v_asked.vector, p_count);
    end if;
    return query select u.nr, v_found from unnest(v_asked.nrs) as u(nr);
  end loop;
end $$;
comment on function intake.alike(jsonb, int) is
  'For each asked vector the nearest precedents of its organisation and class that had closed before it was known; never fewer than asked for where there are as many. Internal.';
