"""The simulated MetaTrader 5 terminal: a process of its own, imported by nothing.

`python -m backend.paper_terminal --home DIR` serves the functions of the MetaTrader5 package
over the RPyC protocol that `mt5linux` speaks. It never evaluates what it is sent: `grammar.py`
reads the source and accepts calls of allow-listed functions with literal arguments, no more.

Reading order: `__main__` starts it, `service` and `grammar` receive a call, `terminal` gates it
by session and translates, `trading` decides, `checks` names what is refused, `book` and `store`
keep what was acknowledged, `market` and `path` are the prices.

What differs from a real terminal:
- The market is open at any hour unless `--sessions strict`; bars are restamped so that the
  replay stands at its present bar now. At `--speed X` one second of our time is X seconds of
  the recorded path; stamps are always the wall clock, plus the server's offset from UTC.
- Prices change once per second of the path; inside a recorded bar they take a seeded path
  through its open, high, low and close. Recordings that end are continued from their beginning,
  scaled so that the price does not jump.
- Depth of market is empty, there are no swaps at rollover, stop-limit orders are refused (10035),
  and one account is all there is: passwords are not checked.
- Trading belongs to one session: `initialize` or `login` on a newer one displaces the older,
  whose orders then get None and last_error -10004. Reading stays open to every session. A real
  terminal lets several programs trade.
- Fills of market orders are whole, at the present quote, unless `--slippage-points`,
  `--partial-fill` or `--latency-ms` say otherwise. Requotes happen under instant execution only.
- `--freeze-level` holds for pending orders: those that the price has nearly reached are neither
  changed nor removed (10029). Stops of positions are never frozen.
"""
