create or replace function intake.open_reviews(p_items jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  with opened as (
    insert into public.review_queue
      (review_id, correlation_id, org_id, kind, subject_id, reason_code, detail, state,
       opened_at)
    select x.review_id, x.correlation_id, x.org_id, x.kind, x.subject_id, x.reason_code,
           x.detail, 'open', x.opened_at
      from jsonb_to_recordset(p_items) as x(
        review_id uuid, correlation_id uuid, org_id text, kind text, subject_id uuid,
        reason_code text, detail text, opened_at timestamptz)
    on conflict (review_id) do nothing
    returning review_id, org_id, kind, subject_id, reason_code, detail
  )
  -- With the review or not at all; the notifier tells of it after the commit.
  insert into ops.notices (notice_id, org_id, audience, title, body)
  select o.review_id, o.org_id, 'strategy_analyst',
         case when g.signal_id is not null
           then format('%s %s of %s waits for you', g.side, g.symbol, g.strategy_id)
           else format('An %s waits for you', o.kind) end,
         concat_ws(' ', coalesce(o.detail, o.reason_code), 'Review', o.review_id::text)
    from opened o
    left join public.signals_normalized g on o.kind = 'signal' and g.signal_id = o.subject_id
  on conflict (notice_id) do nothing;
  return '[]';
end $$;
comment on function intake.open_reviews(jsonb) is
  'Put alerts and signals before a person, each with a reason, and have them told. Repeating opens nothing twice.';
grant execute on function intake.open_reviews(jsonb)
  to intake_agent, normalizer_agent, rationale_scorer_agent;
