create or replace function bus.settle(
  p_worker_id uuid, p_acks bigint[], p_messages jsonb, p_traces jsonb, p_peers jsonb)
returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_agent text := (select a.agent from bus.agents a where a.role_name = session_user);
  v_settled int;
  v_told jsonb := '{"wake": [], "handed": []}';
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('bus.lease/' || v_agent, 0));
  -- The fence: effect, emissions and acknowledgement become true together, or not at all.
  delete from bus.deliveries d
   using bus.shard_leases l
   where d.delivery_id = any (p_acks) and d.agent = v_agent and d.lease_token = p_worker_id
     and l.agent = v_agent and l.shard = d.shard
     and l.worker_id = p_worker_id and l.epoch = d.lease_epoch;
  get diagnostics v_settled = row_count;
  if v_settled <> cardinality(p_acks) then
    raise exception 'worker % no longer holds what it settles', p_worker_id
      using errcode = 'TR108';
  end if;

  if jsonb_array_length(p_messages) > 0 then
    v_told := bus.append(v_agent, p_messages, p_worker_id, p_peers);
  end if;

  insert into public.decision_traces
    (trace_id, correlation_id, org_id, agent, msg_id, message_type, inputs, facts, clock, seed,
     feature_hash, policy_hash, outcome, code, explanation, final_outcome, decision,
     latency_us, worker_id, code_version, decided_at)
  select t.trace_id, t.correlation_id, t.org_id, v_agent, t.msg_id, t.message_type, t.inputs,
         t.facts, t.clock, t.seed, t.feature_hash, t.policy_hash, t.outcome, t.code,
         t.explanation, t.final_outcome, t.decision, t.latency_us, p_worker_id,
         t.code_version, clock_timestamp()
    from jsonb_to_recordset(p_traces) as t(
      trace_id uuid, correlation_id uuid, org_id text, msg_id uuid, message_type text,
      inputs jsonb, facts jsonb, clock timestamptz, seed bigint, feature_hash text,
      policy_hash text, outcome text, code text, explanation text, final_outcome text,
      decision jsonb, latency_us bigint, code_version text);

  -- Most decisions end nothing: a look costs less than the statement.
  if p_traces @? '$[*] ? (@.final_outcome != null)' then
    perform ops.record_outcome(t.correlation_id, t.org_id, t.final_outcome, t.code, v_agent,
                               clock_timestamp())
       from jsonb_to_recordset(p_traces) as t(
         correlation_id uuid, org_id text, final_outcome text, code text)
      where t.final_outcome is not null;
  end if;
  return v_told;
end $$;
comment on function bus.settle(uuid, bigint[], jsonb, jsonb, jsonb) is
  'Acknowledge, publish and trace in the caller''s transaction; says whom to wake, and what was '
  'handed to peers of the same process. TR108: the lease is gone.';
grant execute on function bus.settle(uuid, bigint[], jsonb, jsonb, jsonb) to desk_agents;
