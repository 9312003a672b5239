create or replace function intake.expire_reviews(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_expired jsonb;
begin
  with due as (
    select q.review_id from public.review_queue q
      join ops.retention r on r.subject = 'public.review_queue'
     where q.state = 'open'
       and q.opened_at < clock_timestamp() - r.keep_days * interval '1 day'
     order by q.review_id
     limit 500
       for update of q skip locked
  ), expired as (
    update public.review_queue q
       set state = 'expired', decided_at = clock_timestamp(), decided_by = 'housekeeping',
           decision_reason = 'nobody decided in time'
      from due d where q.review_id = d.review_id
    returning q.correlation_id, q.org_id
  )
  select coalesce(jsonb_agg(to_jsonb(e)), '[]') into v_expired from expired e;
  perform ops.record_outcome(x.correlation_id, x.org_id, 'expired', 'TR242', 'housekeeping',
                             clock_timestamp())
     from jsonb_to_recordset(v_expired) as x(correlation_id uuid, org_id text);
  return (select coalesce(jsonb_agg(jsonb_build_object(
                   'i', x.i, 'expired', jsonb_array_length(v_expired))), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function intake.expire_reviews(jsonb) is
  'End open reviews that nobody decided within their retention, and the alerts that rested there.';
grant execute on function intake.expire_reviews(jsonb) to housekeeping_agent;
