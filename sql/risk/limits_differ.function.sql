-- What authority reads are rows; what was approved, hashed and voted on is the text.
create or replace function risk.limits_differ(p_policy_hash text) returns int
language sql stable as $$
  with told (scope, scope_id, kind, value) as (
    select 'platform', '*', k.key, (k.value #>> '{}')::numeric
      from risk.policies p
     cross join lateral jsonb_each(p.body #> '{limits,platform}') k
     where p.policy_hash = p_policy_hash
    union all
    select s.key, d.key, k.key, (k.value #>> '{}')::numeric
      from risk.policies p
     cross join lateral jsonb_each(p.body -> 'limits') s
     cross join lateral jsonb_each(s.value) d
     cross join lateral jsonb_each(d.value) k
     where p.policy_hash = p_policy_hash and s.key <> 'platform'
  ), held (scope, scope_id, kind, value) as (
    select l.scope, l.scope_id, l.kind, l.value from risk.limits l
     where l.policy_hash = p_policy_hash
  )
  select count(*)::int
    from (select * from told except select * from held) missing
    full join (select * from held except select * from told) added
      using (scope, scope_id, kind)
$$;
comment on function risk.limits_differ(text) is
  'How many limits of a pack are not in force as its text has them. Called by other procedures only.';
