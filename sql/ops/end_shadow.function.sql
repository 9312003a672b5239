create or replace function ops.end_shadow(
  p_correlation_id uuid, p_outcome text, p_code text, p_at timestamptz
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.shadow_comparisons c
     -- What was compared already is compared again with the end that it has now.
     set shadow_outcome = p_outcome, shadow_code = p_code, shadow_ended_at = p_at, verdict = 'open'
   where c.shadow_correlation_id = p_correlation_id
     and (c.shadow_outcome is null or ops.outcome_moves(c.shadow_outcome, p_outcome));
end $$;
comment on function ops.end_shadow(uuid, text, text, timestamptz) is
  'Record where the twin of an alert''s strategy ended, apart from the alert''s own end. Called by other procedures only.';
