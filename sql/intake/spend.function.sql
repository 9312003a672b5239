-- One leaky bucket per source, for doors that cannot count for themselves: `rate_per_minute` at
-- once, then evenly over the minute.
create or replace function intake.spend(p_source_id text, p_rate_per_minute int, p_now timestamptz)
returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  v_step interval := interval '1 minute' / p_rate_per_minute;
begin
  insert into intake.spendings as held (source_id, paid_until)
  values (p_source_id, p_now + v_step)
  on conflict (source_id) do update
     set paid_until = greatest(held.paid_until, p_now) + v_step
   where greatest(held.paid_until, p_now) + v_step <= p_now + interval '1 minute';
  return found;
end $$;
comment on function intake.spend(text, int, timestamptz) is
  'Count one post against a source''s rate; false if it is one too many. Internal.';
