create or replace function risk.record_news(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  insert into risk.news_events (event_id, happens_at, currency, title, recorded_by)
  select x.event_id, x.happens_at, upper(x.currency), x.title, session_user
    from jsonb_to_recordset(p_items) as x(
      event_id uuid, happens_at timestamptz, currency text, title text)
  on conflict (event_id) do nothing;
  return (select coalesce(jsonb_agg(jsonb_build_object('i', x.i)), '[]')
            from jsonb_to_recordset(p_items) as x(i int));
end $$;
comment on function risk.record_news(jsonb) is
  'Add announcements around which nothing is opened; those known stay as they are.';
grant execute on function risk.record_news(jsonb) to desk_operator;
