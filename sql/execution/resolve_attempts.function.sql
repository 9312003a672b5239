-- An attempt without an answer is resolved by asking, never by sending again. The venue having
-- no trace of it means nothing while the order may still be on its way: before the settle window
-- has passed, `not_sent` is recorded as what it is, not found yet. Afterwards trading again
-- needs a new authorisation.
create or replace function execution.resolve_attempts(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  -- Certainly not executed, for a reason that passes: these stops may be sent after all.
  update execution.order_changes c
     set attempted_at = null
    from jsonb_array_elements(p_items) x(item)
   where c.change_id = (x.item #>> '{report,change,change_id}')::uuid
     and x.item #>> '{report,change,state}' = 'again' and c.kind = 'stops'
     and c.state = 'pending';
  -- Not language sql: that would be planned again at every call.
  return (
    select execution.record_reports((
      select coalesce(jsonb_agg(x.item || jsonb_build_object('report',
               case when x.item #>> '{report,status}' = 'not_sent'
                         and a.opened_at + greatest(
                               coalesce((x.item ->> 'settle_ms')::int, 0), 10000)
                               * interval '1 millisecond' > clock_timestamp()
                    then (x.item -> 'report') - 'code' || '{"status": "not_found"}'
                    else x.item -> 'report' end)), '[]')
        from jsonb_array_elements(p_items) x(item)
        left join execution.attempts a on a.attempt_id = (x.item ->> 'attempt_id')::uuid)));
end $$;
comment on function execution.resolve_attempts(jsonb) is
  'Record what asking the venue found; no trace counts as not_sent only after the settle window (at least 10 s). Codes as record_reports.';
grant execute on function execution.resolve_attempts(jsonb) to execution_agent;
