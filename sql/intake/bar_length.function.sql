create or replace function intake.bar_length(p_timeframe text) returns interval
language sql immutable parallel safe as $$
  select case p_timeframe
    when 'M1' then interval '1 minute' when 'M3' then interval '3 minutes'
    when 'M5' then interval '5 minutes' when 'M15' then interval '15 minutes'
    when 'M30' then interval '30 minutes' when 'H1' then interval '1 hour'
    when 'H4' then interval '4 hours' when 'D1' then interval '1 day'
    when 'W1' then interval '7 days' end
$$;
comment on function intake.bar_length(text) is 'How long a bar of a timeframe is. Internal.';
