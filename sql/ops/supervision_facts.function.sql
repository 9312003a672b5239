create or replace function ops.supervision_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_policy_hash text;
  v_body jsonb;
  v_facts jsonb;
begin
  select p.policy_hash, p.body into v_policy_hash, v_body from risk.policies p where p.active;
  select jsonb_build_object(
           'policy', v_body -> 'supervision', 'policy_hash', v_policy_hash,
           'first_worker_at', (select min(w.started_at) from bus.workers w
                                where w.lease_until > v_now),
           'agents', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'agent', a.agent, 'desired', coalesce(d.desired, 1),
                      'draining', coalesce(d.draining, false),
                      -- A worker renews its lease for lease_ms: the rest says when it last did.
                      'heartbeat_at', w.lease_until - a.lease_ms * interval '1 millisecond',
                      'oldest_waiting_at', q.created_at, 'depth', n.depth,
                      'parked_keys', (select count(*) from bus.parked_keys k
                                       where k.agent = a.agent and k.until > v_now),
                      'dead_letters_open', (
                        select count(*) from bus.dead_letters l
                         where l.agent = a.agent and l.replayed_at is null
                           and l.died_at > v_now - interval '1 day')) order by a.agent), '[]')
               from bus.agents a
               left join ops.desired_agents d on d.agent = a.agent
               left join lateral (select max(b.lease_until) as lease_until
                                    from bus.workers b where b.agent = a.agent) w on true
               -- Parked keys wait on purpose; the oldest of the others tells a stall.
               left join lateral (
                 select e.created_at from bus.deliveries e
                  where e.agent = a.agent
                    and not exists (select from bus.parked_keys k
                                     where k.agent = a.agent and k.ordering_key = e.ordering_key
                                       and k.until > v_now)
                  order by e.delivery_id limit 1) q on true
               left join lateral (
                 select count(*) as depth
                   from (select from bus.deliveries e where e.agent = a.agent
                          limit a.depth_max * 2 + 1) held) n on true),
           'jobs', (select coalesce(jsonb_agg(jsonb_build_object(
                             'job', j.job, 'every_s', j.every_s, 'last_run_at', j.last_run_at,
                             'last_error', j.last_error) order by j.job), '[]')
                      from ops.job_runs j),
           -- Five seconds are an agent's to come round under a halt, or to start.
           'halts_unheard', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'halt_id', u.halt_id, 'scope', u.scope, 'scope_id', u.scope_id,
                      'halted_at', u.halted_at, 'agents', u.agents) order by u.halted_at), '[]')
               from (select g.halt_id, g.scope, g.scope_id, g.halted_at,
                            jsonb_agg(distinct w.agent) as agents
                       from governance.halts g
                       join bus.workers w
                         on w.lease_until > v_now
                        and greatest(w.started_at, g.halted_at) < v_now - interval '5 seconds'
                      where g.lifted_at is null
                        and not exists (
                          select from governance.halt_acknowledgements k
                           where k.halt_id = g.halt_id and k.worker_id = w.worker_id)
                      group by g.halt_id) u),
           'venues_unanswering', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'venue_id', u.venue_id, 'since', u.since, 'attempts', u.attempts)
                      order by u.venue_id), '[]')
               from (select o.venue_id, min(t.opened_at) as since, count(*) as attempts
                       from execution.attempts t
                       join public.orders o on o.order_id = t.order_id
                      where t.state in ('open', 'unknown')
                        and not exists (select from governance.halts g
                                         where g.lifted_at is null and g.scope = 'venue'
                                           and g.scope_id = o.venue_id)
                      group by o.venue_id) u),
           -- It answered somebody who still asks, and says nothing of any account any more.
           'venues_silent', (
             select coalesce(jsonb_agg(jsonb_build_object(
                      'venue_id', u.venue_id, 'since', u.since) order by u.venue_id), '[]')
               from (select a.venue_id, max(s.as_of) as since
                       from public.accounts a
                       join risk.account_state s on s.account_id = a.account_id
                      where a.state = 'active' and a.mode <> 'shadow'
                        and not exists (select from governance.halts g
                                         where g.lifted_at is null and g.scope = 'venue'
                                           and g.scope_id = a.venue_id)
                      group by a.venue_id) u
              where u.since < v_now - interval '1 minute'
                and exists (select from bus.workers w
                             where w.agent = 'market_data' and w.lease_until > v_now
                               and w.started_at < u.since)),
           'open', (select coalesce(jsonb_agg(i.kind || ':' || i.subject
                                              order by i.kind, i.subject), '[]')
                      from ops.incidents i where i.state = 'open'))
    into v_facts;
  return (select coalesce(jsonb_agg(
                   v_facts || jsonb_build_object(
                     'i', x.i,
                     'invariants', case when x.invariants then ops.check_invariants() end)), '[]')
            from jsonb_to_recordset(p_items) as x(i int, invariants boolean));
end $$;
comment on function ops.supervision_facts(jsonb) is
  'Heartbeats, queues, parked keys, dead letters of a day, scheduled jobs, open incidents, and the invariants where the item asks for them.';
grant execute on function ops.supervision_facts(jsonb) to supervisor_agent;
