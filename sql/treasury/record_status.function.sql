create or replace function treasury.record_status(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into treasury.states as held
    (org_id, currency, nav, cash_buffer, buffer_min, utilization, throttle, reasons,
     policy_hash, as_of, recorded_at)
  select x.org_id, x.currency, x.nav, x.cash_buffer, x.buffer_min, x.utilization, x.throttle,
         x.reasons, x.policy_hash, x.as_of, x.recorded_at
    from jsonb_to_recordset(p_items) as x(
      org_id text, currency text, nav numeric, cash_buffer numeric, buffer_min numeric,
      utilization numeric, throttle numeric, reasons text[], policy_hash text,
      as_of timestamptz, recorded_at timestamptz)
   order by x.org_id
  on conflict (org_id) do update
     set currency = excluded.currency, nav = excluded.nav, cash_buffer = excluded.cash_buffer,
         buffer_min = excluded.buffer_min, utilization = excluded.utilization,
         throttle = excluded.throttle, reasons = excluded.reasons,
         policy_hash = excluded.policy_hash, as_of = excluded.as_of,
         recorded_at = excluded.recorded_at
   where held.recorded_at < excluded.recorded_at;
  -- The books name the cash that must stay beside the cash that is there.
  update treasury.balances b
     set buffer_min = s.buffer_min
    from treasury.states s
   where s.org_id = b.org_id and s.currency = b.currency
     and s.org_id in (select x.org_id from jsonb_to_recordset(p_items) as x(org_id text))
     and b.buffer_min <> s.buffer_min;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function treasury.record_status(jsonb) is
  'Keep the treasury as published, one row per organisation, and its least cash in the books.';
grant execute on function treasury.record_status(jsonb) to treasury_agent;
