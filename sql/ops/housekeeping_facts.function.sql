create or replace function ops.housekeeping_facts(p_items jsonb) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_now timestamptz := clock_timestamp();
  v_facts jsonb;
begin
  select jsonb_build_object(
    'intents_due', (select count(*) from public.intents n
                     where n.state = 'authorized' and n.expires_at <= v_now),
    'proposals_due', (select count(*) from public.proposals p
                       where p.state = 'open' and p.expires_at <= v_now),
    'reviews_due', (select count(*) from public.review_queue q
                      join ops.retention r on r.subject = 'public.review_queue'
                     where q.state = 'open'
                       and q.opened_at < v_now - r.keep_days * interval '1 day'),
    'workers_gone', (select count(*) from bus.workers w
                      where w.lease_until < v_now - interval '10 minutes'),
    'parked_over', (select count(*) from bus.parked_keys k
                     where k.until < v_now - interval '1 minute'),
    'keys_old', (select count(*) from ops.idempotency_keys k
                   join ops.retention r on r.subject = 'ops.idempotency_keys'
                  where k.created_at < v_now - r.keep_days * interval '1 day'),
    'duplicates_old', (select count(*) from intake.duplicates d
                         join ops.retention r on r.subject = 'intake.duplicates'
                        where d.received_at < v_now - r.keep_days * interval '1 day'),
    'refused_old', (select count(*) from bus.refused f
                      join ops.retention r on r.subject = 'bus.refused'
                     where f.refused_at < v_now - r.keep_days * interval '1 day'),
    'partitions_missing', (
      select count(*)
        from unnest(array['bus.events', 'public.decision_traces', 'public.order_events',
                          'public.market_ticks']) t(name)
       cross join generate_series(0, 3) ahead
       where to_regclass(t.name || to_char((v_now at time zone 'UTC')::date + ahead,
                                           '"_p"YYYYMMDD')) is null))
    into v_facts;
  return (select coalesce(jsonb_agg(v_facts || jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.housekeeping_facts(jsonb) is
  'How much is past its time, and how many partitions of the next three days are missing.';
grant execute on function ops.housekeeping_facts(jsonb) to housekeeping_agent;
