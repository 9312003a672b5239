-- A statement of its own: only a new snapshot sees what a post that was waited for committed.
create or replace function intake.settle_duplicates(p_items jsonb, p_answers jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_settled jsonb;
begin
  with held as materialized (
    select x.i, x.alert_id, x.source_id, x.received_at, k.alert_id as first_id
      from jsonb_to_recordset(p_answers) as x(
        i int, alert_id uuid, source_id text, kind text, value text, received_at timestamptz)
      join intake.alert_keys k
        on k.source_id = x.source_id and k.kind = x.kind and k.value = x.value
     where x.kind is not null
  ), noted as (
    -- Not the same call again, after an answer that got lost: that one says the same.
    insert into intake.duplicates (duplicate_id, alert_id, source_id, received_at, body)
    select h.alert_id, h.first_id, h.source_id, h.received_at, decode(b.body, 'base64')
      from held h join jsonb_to_recordset(p_items) as b(i int, body text) on b.i = h.i
     where h.first_id <> h.alert_id
    on conflict (duplicate_id) do nothing
  )
  select jsonb_agg(
           case when h.first_id is null then a.answer
                else a.answer - array['kind', 'value', 'received_at'] || jsonb_build_object(
                  'status', case when h.first_id = h.alert_id then 'accepted'
                                 else 'duplicate' end,
                  'alert_id', h.first_id, 'correlation_id', h.first_id) end)
    into v_settled
    from jsonb_array_elements(p_answers) as a(answer)
    left join held h on h.i = (a.answer ->> 'i')::int;
  return v_settled;
end $$;
comment on function intake.settle_duplicates(jsonb, jsonb) is
  'Name the first alert of each post whose key was taken, and keep the post as its duplicate. Internal.';
