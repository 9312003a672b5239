-- A claim hides a notice from others for a minute: whoever claimed it and died told nobody, or
-- died between telling and saying so, and then somebody is told twice rather than never.
create or replace function ops.claim_notices(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_notices jsonb;
begin
  with due as (
    select n.notice_id from ops.notices n
     where n.state = 'due' and n.next_at <= clock_timestamp()
     order by n.next_at
     limit 200
       for update skip locked
  ), claimed as (
    update ops.notices n
       set attempts = n.attempts + 1, next_at = clock_timestamp() + interval '1 minute'
      from due d where n.notice_id = d.notice_id
    returning n.notice_id, n.org_id, n.audience, n.title, n.body, n.created_at
  )
  select coalesce(jsonb_agg(jsonb_build_object(
           'notice_id', c.notice_id, 'org_id', c.org_id, 'audience', c.audience,
           'title', c.title, 'body', c.body, 'created_at', c.created_at,
           'told', (select coalesce(jsonb_agg(d.destination order by d.destination), '[]')
                      from ops.notice_deliveries d where d.notice_id = c.notice_id))
           order by c.created_at, c.notice_id), '[]')
    into v_notices from claimed c;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i, 'notices', v_notices)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function ops.claim_notices(jsonb) is
  'Take what people are still to be told, with the destinations that know already.';
grant execute on function ops.claim_notices(jsonb) to notifier_agent;
