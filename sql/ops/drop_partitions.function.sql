-- Retention drops partitions, never rows. Only what ops.expired_partitions names goes, an event
-- that someone has still to hear keeps its whole partition, and so does a record that is not
-- sealed: the hashes of what goes stay in the seals.
create or replace function ops.drop_partitions(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_item record;
  v_due jsonb;
  v_answers jsonb := '[]';
  v_why text;
begin
  -- Rather try again later than make a running desk queue behind this.
  perform set_config('lock_timeout', '2s', true);
  for v_item in
    select x.i, x.partition from jsonb_to_recordset(p_items) as x(i int, partition text)
     order by x.partition
  loop
    select d.value into v_due
      from jsonb_array_elements(
             ops.expired_partitions('[{"i": 0}]') #> '{0,partitions}') d
     where d.value ->> 'partition' = v_item.partition;
    v_why := case
      when v_due is null then 'not due'
      when v_due ->> 'subject' = 'bus.events' and exists (
        select from bus.deliveries q
         where q.event_published_at < (v_due ->> 'until')::timestamptz) then 'still awaited'
      when not audit.retire_partition(v_item.partition::regclass, v_due ->> 'subject')
        then 'not sealed'
    end;
    if v_why is null then
      execute format('drop table %s', v_item.partition::regclass);
    end if;
    v_answers := v_answers || jsonb_build_object(
      'i', v_item.i, 'dropped', v_why is null, 'why', v_why);
  end loop;
  return v_answers;
end $$;
comment on function ops.drop_partitions(jsonb) is
  'Drop partitions that are past their retention; others are left and the answer says why.';
grant execute on function ops.drop_partitions(jsonb) to housekeeping_agent, desk_operator;
