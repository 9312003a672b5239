-- The order state machine, as rows; what is not here raises TR406, steps that lead back to the
-- same state included. A fill that arrives late still fills: the venue's word about what was
-- traded stands above what we believed.
--
-- Changes of a working order (rows of execution.order_changes, made by execution.modify_orders,
-- execution.cancel_orders and, while an order is looked at, execution.renew_working):
--   * the order is `pending_update` or `pending_cancel`, and an inquiry waits for the account's
--     bridge. execution.open_attempts answers it with state `sync`, that status, and `change`:
--     {"change_id", "kind": "modify" | "cancel", "wanted": {…}}, null where a halt cancels.
--     `wanted` holds only what is to be different: quantity, limit_price, stop_price,
--     trail_distance, stop_loss, take_profit (decimals as strings, null takes a stop away),
--     good_till (an instant).
--   * the bridge carries it out and reports what became of the order, as ever, with
--     "change": {"change_id", "state": "applied" | "refused" | "unknown", "code", "message"}.
--     applied: the order returns to where it was, under its new terms; refused: under its old
--     ones; unknown or absent: it stays pending and the next inquiry asks again. Setting the same
--     terms twice does no harm. What the venue cannot change (MT5: a pending order's volume) is
--     refused with TR418. A halt's cancel has no `change`: it is asked for until the order ends.
--   * an order that is over and has opened a position keeps its status while that gets other
--     stops (`kind` "stops"): sent at most once, where `send` says so, else the venue is asked;
--     "again" says that it was certainly not executed.
--   * "status": "triggered" says that a stop-limit's (or stop's) price was reached.
delete from execution.order_transitions t where true;
insert into execution.order_transitions (from_status, to_status, why) values
  ('initialized', 'submitted', 'an attempt was opened'),
  ('initialized', 'denied', 'a halt, the account or the venue forbids sending'),
  ('initialized', 'canceled', 'cancelled before it was sent'),
  ('initialized', 'expired', 'its time ran out before it was sent'),
  ('initialized', 'accepted', 'an earlier attempt had reached the venue after all'),
  ('initialized', 'partially_filled', 'an earlier attempt had been filled in part after all'),
  ('initialized', 'filled', 'an earlier attempt had been filled after all'),
  ('submitted', 'initialized', 'certainly not executed: it is tried again until its time is over'),
  ('submitted', 'accepted', 'the venue took it'),
  ('submitted', 'triggered', 'the venue took it and its stop was reached'),
  ('submitted', 'partially_filled', 'the venue filled a part at once'),
  ('submitted', 'filled', 'the venue filled it at once'),
  ('submitted', 'rejected', 'the venue refused it'),
  ('submitted', 'canceled', 'the venue cancelled it at once'),
  ('submitted', 'expired', 'the venue let it expire'),
  ('submitted', 'not_sent', 'the venue has no trace of it'),
  ('submitted', 'unknown', 'no answer: the venue will be asked'),
  ('unknown', 'accepted', 'the venue was asked and works it'),
  ('unknown', 'triggered', 'the venue was asked and its stop was reached'),
  ('unknown', 'partially_filled', 'the venue was asked and filled a part'),
  ('unknown', 'filled', 'the venue was asked and filled it'),
  ('unknown', 'rejected', 'the venue was asked and refused it'),
  ('unknown', 'canceled', 'the venue was asked and cancelled it'),
  ('unknown', 'expired', 'the venue was asked and let it expire'),
  ('unknown', 'not_sent', 'the venue was asked and has no trace of it'),
  ('accepted', 'triggered', 'its stop was reached'),
  ('accepted', 'partially_filled', 'a part was traded'),
  ('accepted', 'filled', 'all of it was traded'),
  ('accepted', 'rejected', 'the venue took its acceptance back'),
  ('accepted', 'canceled', 'cancelled at the venue'),
  ('accepted', 'expired', 'expired at the venue'),
  ('accepted', 'pending_update', 'other terms were asked for'),
  ('accepted', 'pending_cancel', 'a cancel was asked for'),
  ('triggered', 'partially_filled', 'a part was traded after its stop'),
  ('triggered', 'filled', 'all of it was traded after its stop'),
  ('triggered', 'rejected', 'the venue refused what its stop released'),
  ('triggered', 'canceled', 'cancelled after its stop'),
  ('triggered', 'expired', 'expired after its stop'),
  ('triggered', 'pending_update', 'other terms were asked for after its stop'),
  ('triggered', 'pending_cancel', 'a cancel was asked for after its stop'),
  ('partially_filled', 'partially_filled', 'another part was traded'),
  ('partially_filled', 'filled', 'the rest was traded'),
  ('partially_filled', 'canceled', 'the rest was cancelled'),
  ('partially_filled', 'expired', 'the rest expired'),
  ('partially_filled', 'rejected', 'the venue refused the rest'),
  ('partially_filled', 'pending_update', 'other terms were asked for the rest'),
  ('partially_filled', 'pending_cancel', 'a cancel of the rest was asked for'),
  ('pending_update', 'pending_update', 'a part was traded while other terms were asked for'),
  ('pending_update', 'accepted', 'the venue answered: new terms, or the old ones'),
  ('pending_update', 'triggered', 'the venue answered, after its stop'),
  ('pending_update', 'partially_filled', 'the venue answered, after a part was traded'),
  ('pending_update', 'filled', 'it was traded before its terms could change'),
  ('pending_update', 'canceled', 'it was cancelled before its terms could change'),
  ('pending_update', 'expired', 'it expired before its terms could change'),
  ('pending_update', 'rejected', 'the venue refused it before its terms could change'),
  ('pending_update', 'pending_cancel', 'a cancel was asked for meanwhile'),
  ('pending_cancel', 'pending_cancel', 'a part was traded before the cancel'),
  ('pending_cancel', 'canceled', 'the cancel went through'),
  ('pending_cancel', 'partially_filled', 'the venue refused the cancel of the rest'),
  ('pending_cancel', 'filled', 'it was traded before the cancel'),
  ('pending_cancel', 'expired', 'it expired before the cancel'),
  ('pending_cancel', 'rejected', 'the venue refused it before the cancel'),
  ('pending_cancel', 'accepted', 'the venue refused the cancel'),
  ('pending_cancel', 'triggered', 'the venue refused the cancel after its stop'),
  ('filled', 'filled', 'more was traded than was ordered, or what it opened gets other stops'),
  ('canceled', 'canceled', 'a late fill of a part, or what it opened gets other stops'),
  ('canceled', 'filled', 'a late fill completed it'),
  ('expired', 'expired', 'a late fill of a part, or what it opened gets other stops'),
  ('expired', 'filled', 'a late fill completed it'),
  ('rejected', 'rejected', 'a late fill of a part'),
  ('rejected', 'filled', 'a late fill completed it'),
  ('not_sent', 'not_sent', 'a late fill of a part: the venue had it after all'),
  ('not_sent', 'filled', 'a late fill completed it: the venue had it after all');
