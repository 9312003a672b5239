create or replace function audit.policy_at(p_at timestamptz)
returns table (
  policy_hash text, name text, version text, in_force_since timestamptz, applied_by text,
  body jsonb)
language sql stable security invoker set search_path = '' as $$
  select p.policy_hash, p.name, p.version, f.since, f.applied_by, p.body
    from (select c.row_key as policy_hash, c.changed_at as since,
                 c.after ->> 'applied_by' as applied_by
            from audit.changes c
           where c.table_name = 'risk.policies' and c.changed_at <= p_at
             and (c.after ->> 'active')::boolean
          union all
          -- Packs from before the journal.
          select q.policy_hash, q.applied_at, q.applied_by
            from risk.policies q where q.applied_at <= p_at) f
    join risk.policies p on p.policy_hash = f.policy_hash
   order by f.since desc
   limit 1
$$;
comment on function audit.policy_at(timestamptz) is
  'The policy pack that was in force at an instant, and on whose word.';
grant execute on function audit.policy_at(timestamptz)
  to auditor, treasury_operator, desk_operator, desk_reader;
