create or replace function ops.broken_events_without_deliveries() returns setof text
language sql stable security definer set search_path = '' as $$
  select e.msg_id || ' for ' || s.agent
    from (select v.msg_id, v.type, v.correlation_id, v.published_at
            from bus.events v
           where v.published_at between clock_timestamp() - interval '10 minutes'
                                    and clock_timestamp() - interval '1 minute'
           order by v.published_at desc
           limit 200) e
    join bus.subscriptions s on s.type = e.type
   where not exists (select from bus.deliveries d
                      where d.agent = s.agent and d.msg_id = e.msg_id)
     and not exists (select from public.decision_traces t
                      where t.correlation_id = e.correlation_id and t.agent = s.agent
                        and t.msg_id = e.msg_id)
     and not exists (select from bus.dead_letters l
                      where l.correlation_id = e.correlation_id and l.agent = s.agent
                        and l.msg_id = e.msg_id)
   limit 100
$$;
comment on function ops.broken_events_without_deliveries() is
  'Invariant: every event reached each agent that hears its type; judged on the newest two hundred that are older than a minute. Called by other procedures only.';
