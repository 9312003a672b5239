-- One statement for a batch; where two of it concern one alert, one after the other.
create or replace function ops.record_outcomes(p_outcomes jsonb, p_agent text, p_at timestamptz)
returns void
language plpgsql security definer set search_path = '' as $$
begin
  if (select count(distinct x.item ->> 'correlation_id') < count(*)
             or bool_or(ops.in_shadow((x.item ->> 'correlation_id')::uuid))
        from jsonb_array_elements(p_outcomes) x(item)) then
    perform ops.record_outcome(x.correlation_id, x.org_id, x.outcome, x.code, p_agent, p_at)
       from jsonb_to_recordset(p_outcomes) as x(
         correlation_id uuid, org_id text, outcome text, code text);
    return;
  end if;
  insert into public.alert_outcomes as held
    (correlation_id, org_id, outcome, code, agent, decided_at, first_decided_at)
  select x.correlation_id, x.org_id, x.outcome, x.code, p_agent, p_at, p_at
    from jsonb_to_recordset(p_outcomes) as x(
      correlation_id uuid, org_id text, outcome text, code text)
   order by x.correlation_id
  on conflict (correlation_id) do update
     set outcome = excluded.outcome,
         code = excluded.code,
         agent = excluded.agent,
         decided_at = greatest(excluded.decided_at, held.first_decided_at)
   where ops.outcome_moves(held.outcome, excluded.outcome);
end $$;
comment on function ops.record_outcomes(jsonb, text, timestamptz) is
  'Record where a batch of alerts end or rest, as record_outcome does. Called by other procedures only.';
