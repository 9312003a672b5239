-- What each kind of limit is. `rank` orders denial codes, `trims` may cut a quantity, `budget`
-- fills up and so makes a risk level, `spared` does not hold back what reduces a position,
-- `summed` adds up over all accounts of a platform, organisation or venue.
create or replace function risk.limit_kinds()
returns table (
  kind text, rank int, unit text, code text, mandatory boolean, trims boolean, budget boolean,
  spared boolean, summed boolean)
language sql immutable as $$
  values
    ('quote_age_ms', 1, 'ms', 'TR303', true, false, false, false, false),
    ('account_state_age_ms', 2, 'ms', 'TR333', false, false, false, true, false),
    ('stop_loss_required', 3, 'flag', 'TR320', true, false, false, true, false),
    ('reward_to_risk_min', 4, 'ratio', 'TR321', true, false, false, true, false),
    ('price_collar_bps', 5, 'bps', 'TR318', true, false, false, false, false),
    ('spread_bps', 6, 'bps', 'TR319', true, false, false, false, false),
    ('daily_loss_hard_pct', 7, 'percent', 'TR314', true, false, true, true, false),
    ('daily_loss_soft_pct', 8, 'percent', 'TR314', true, true, false, true, false),
    ('drawdown_pct', 9, 'percent', 'TR315', true, false, true, true, false),
    ('order_notional', 10, 'account_currency', 'TR308', true, true, false, false, false),
    ('order_quantity', 11, 'lots', 'TR309', true, true, false, false, false),
    ('risk_per_trade_pct', 12, 'percent', 'TR335', true, true, false, true, false),
    ('position_quantity', 13, 'lots', 'TR310', true, true, true, true, false),
    ('position_notional', 14, 'account_currency', 'TR310', true, true, true, true, false),
    ('gross_exposure', 15, 'account_currency', 'TR311', true, true, true, true, true),
    ('net_exposure', 16, 'account_currency', 'TR312', true, true, true, true, true),
    ('leverage', 17, 'ratio', 'TR313', true, true, true, true, false),
    ('margin_used_pct', 18, 'percent', 'TR325', true, true, true, true, false),
    ('var_pct', 19, 'percent', 'TR324', false, true, true, true, false),
    ('open_positions', 20, 'count', 'TR334', false, false, true, true, false),
    ('open_orders', 21, 'count', 'TR316', true, false, true, false, true),
    ('order_rate_per_minute', 22, 'count', 'TR317', true, false, true, false, true),
    ('concentration_pct', 23, 'percent', 'TR341', false, true, true, true, false),
    ('basket_exposure_pct', 24, 'percent', 'TR342', false, true, true, true, false),
    ('free_balance_min', 25, 'account_currency', 'TR325', false, true, false, true, false),
    ('counterparty_equity', 26, 'account_currency', 'TR343', false, false, true, true, false),
    ('scenario_var_pct', 27, 'percent', 'TR324', false, true, true, true, false),
    ('expected_shortfall_pct', 28, 'percent', 'TR344', false, true, true, true, false),
    ('adverse_selection_bps', 29, 'bps', 'TR345', false, false, false, true, false),
    ('rejection_rate_pct', 30, 'percent', 'TR346', false, false, false, true, false),
    ('news_distance_s_min', 31, 's', 'TR347', false, false, false, true, false)
$$;
comment on function risk.limit_kinds() is
  'Every kind of limit: unit, denial code, whether its absence denies, whether it may trim.';
