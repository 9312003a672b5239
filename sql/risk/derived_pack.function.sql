-- Votes are for one change of the pack: whatever else changed meanwhile stays as it is.
create or replace function risk.derived_pack(p_proposal public.proposals) returns jsonb
language plpgsql stable as $$
declare
  v_active risk.policies;
  v_routing jsonb;
  v_shadow jsonb;
  v_path text[] := string_to_array(p_proposal.payload ->> 'parameter', '.');
  v_held jsonb;
  v_proposed text := p_proposal.payload ->> 'proposed';
  v_today text := to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD');
begin
  select p.* into v_active from risk.policies p where p.active;
  v_routing := v_active.body -> 'routing';
  if p_proposal.kind = 'promote_shadow' then
    select s.body into v_shadow from jsonb_array_elements(v_routing -> 'shadows') as s(body)
     where s.body ->> 'name' = p_proposal.subject;
    -- The evidence speaks of these numbers only, whatever bears their names later.
    if v_shadow is null or execution.routing_hash(v_routing)
                           is distinct from p_proposal.evidence ->> 'routing_hash' then
      return null;
    end if;
    -- They change places: the one that decided until now goes on in the shadow.
    v_routing := v_routing || v_shadow || jsonb_build_object('shadows', (
      select jsonb_agg(case when s.body = v_shadow
                            then v_routing - 'shadows' - 'promotion' else s.body end
                       order by s.nr)
        from jsonb_array_elements(v_routing -> 'shadows') with ordinality as s(body, nr)));
  elsif p_proposal.kind = 'parameter' and v_path[1] = 'routing' and cardinality(v_path) = 2 then
    v_held := v_routing -> v_path[2];
    if coalesce(jsonb_typeof(v_held), 'null') not in ('string', 'number')
       or v_held #>> '{}' !~ '^-?\d+(\.\d+)?$'
       or coalesce(v_proposed, '') !~ (case jsonb_typeof(v_held)
            when 'number' then '^\d+$' else '^-?\d+(\.\d+)?$' end)
       or (v_held #>> '{}')::numeric is distinct from
          (p_proposal.payload ->> 'current')::numeric
       -- One vote moves a number by a step; who wants more asks for a pack, and four eyes see it.
       or abs(v_proposed::numeric - (v_held #>> '{}')::numeric)
          > greatest(abs((v_held #>> '{}')::numeric), 0.01)
            * (v_active.body #>> '{optimization,step_max}')::numeric then
      return null;
    end if;
    v_routing := v_routing || jsonb_build_object(v_path[2], case jsonb_typeof(v_held)
      when 'number' then to_jsonb(v_proposed::bigint) else to_jsonb(v_proposed) end);
  else
    return null;
  end if;
  return v_active.body || jsonb_build_object('routing', v_routing, 'version', v_today || '.' || (
    select 1 + coalesce(max(split_part(p.version, '.', 2)::int), 0)
      from risk.policies p
     where p.name = v_active.name and split_part(p.version, '.', 1) = v_today));
end $$;
comment on function risk.derived_pack(public.proposals) is
  'The pack in force with the one change that a proposal to promote a shadow policy or to set a routing parameter asks for; null if what it speaks of is no longer so. Internal.';
