-- With record_outcomes the only writer of alert_outcomes.
create or replace function ops.record_outcome(
  p_correlation_id uuid,
  p_org_id text,
  p_outcome text,
  p_code text,
  p_agent text,
  p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if ops.in_shadow(p_correlation_id) then
    perform ops.end_shadow(p_correlation_id, p_outcome, p_code, p_at);
    return;
  end if;
  insert into public.alert_outcomes as held
    (correlation_id, org_id, outcome, code, agent, decided_at, first_decided_at)
  values (p_correlation_id, p_org_id, p_outcome, p_code, p_agent, p_at, p_at)
  on conflict (correlation_id) do update
     set outcome = excluded.outcome,
         code = excluded.code,
         agent = excluded.agent,
         -- Clocks of two machines may differ; an outcome never precedes the first one.
         decided_at = greatest(excluded.decided_at, held.first_decided_at)
   where ops.outcome_moves(held.outcome, excluded.outcome);
end $$;
comment on function ops.record_outcome(uuid, text, text, text, text, timestamptz) is
  'Record where an alert ends or rests. What it may replace says ops.outcome_moves. Called by other procedures only.';
