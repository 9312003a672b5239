create or replace view audit.configuration_changes with (security_invoker = true) as
select c.changed_at, c.table_name, c.row_key, c.operation, c.org_id,
       (select jsonb_object_agg(k.key, jsonb_build_object(
                 'before', c.before -> k.key, 'after', c.after -> k.key))
          from jsonb_object_keys(coalesce(c.before, '{}') || coalesce(c.after, '{}')) as k(key)
         where c.before -> k.key is distinct from c.after -> k.key) as changed,
       c.changed_by, c.person,
       (select jsonb_agg(jsonb_build_object(
                 'proposal_id', q.proposal_id, 'voter', w.voter, 'decision', w.decision,
                 'reason', w.reason, 'cast_at', w.cast_at) order by w.cast_at)
          from public.proposal_events e
          join public.proposals q on q.proposal_id = e.proposal_id
          join public.votes w on w.proposal_id = q.proposal_id
         -- Carried out by the very transaction that made the change.
         where e.event = 'executed' and e.row_xid = c.row_xid) as on_the_word_of
  from audit.changes c
 where c.table_name not in ('public.review_queue', 'public.proposals')
   and c.table_name not like 'execution.%';
comment on view audit.configuration_changes is
  'What changed in the configuration, policies and halts included, and on whose word.';
grant select on audit.configuration_changes
  to auditor, treasury_operator, desk_operator, desk_reader;
