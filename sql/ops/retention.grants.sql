-- How long things are kept until an operator says otherwise; what is a record is kept for ever.
insert into ops.retention (subject, keep_days, why)
values
  ('bus.events', 30, 'what was said: decisions name their inputs, replays need the bytes'),
  ('public.decision_traces', 400, 'a year and a month of decisions can be replayed'),
  ('public.order_events', null, 'the life of every order is a record'),
  ('public.market_ticks', 14, 'ticks are many and have become bars'),
  ('public.market_bars', null, 'bars are what strategies are tested on'),
  ('public.review_queue', 7, 'an alert that nobody looked at for a week has expired'),
  ('intake.duplicates', 30, 'repetitions of an alert say little after a month'),
  ('ops.idempotency_keys', 2, 'a client that repeats a request does so within a day'),
  ('bus.refused', 90, 'refused messages are looked at when something was wrong')
on conflict (subject) do nothing;
