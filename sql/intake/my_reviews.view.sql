-- What waits for the person who asks. Updating decision and reason decides it.
drop view if exists intake.my_reviews;
create view intake.my_reviews with (security_invoker = true) as
select q.review_id, q.kind, q.reason_code, q.detail, q.opened_at, g.symbol, g.side,
       g.timeframe, g.session, g.strategy_id, r.score, r.confidence, r.threshold, r.sentence,
       r.axes, r.conflicts, r.unknown, convert_from(
         case when octet_length(a.body) <= 4096 then a.body end, 'LATIN1') as alert,
       null::text as decision, null::text as reason
  from public.review_queue q
  left join public.signals_normalized g on q.kind = 'signal' and g.signal_id = q.subject_id
  left join public.strategy_rationales r on r.signal_id = g.signal_id
  left join public.signals_raw a
    on a.alert_id = coalesce(g.alert_id, case when q.kind = 'alert' then q.subject_id end)
 where q.state = 'open';
comment on view intake.my_reviews is
  'What I may decide: UPDATE intake.my_reviews SET decision = ''approve'', reason = ''…'' WHERE review_id = …';
grant select on intake.my_reviews to desk_operator;
grant update (decision, reason) on intake.my_reviews to desk_operator;
