"""The simulated MetaTrader 5 terminal: a process of its own, imported by nothing.

`python -m backend.paper_terminal --home DIR` serves the functions of the MetaTrader5 package
over the RPyC protocol that `mt5linux` speaks. It never evaluates what it is sent: `grammar.py`
reads the source and accepts calls of allow-listed functions with literal arguments, no more.

Reading order: `__main__` and `options` start it, `assembly` puts it together; `service` and
`grammar` receive a call, `terminal` gates it by session, `road` carries it there and back;
`requests` is what the package refuses, `checks` what the server does; `trading`, `deals` and
`pendings` decide, `triggers` and `rollover` act without being asked; `fills` and `money` reckon,
`book` and `store` keep what was acknowledged, `market` and `path` are the prices, `depth` and
`queueing` recorded order books. `fault_kinds` lists what can be made to go wrong, `faults` says
when, `control` is the back door through which `desk paper inject` comes.

What can be believed:
- An acknowledged request is on disk, in one transaction. Equal seeds, settings and requests give
  equal prices, fills and faults; the clock is an argument (`assemble`).
- Faults that were injected end with the process, unless they were to be kept.
- Trading belongs to one session: `initialize` or `login` on a newer one displaces the older,
  whose orders then get None and last_error -10004. Reading stays open to every session. A real
  terminal lets several programs trade.

What differs from a real terminal:
- The market is open at any hour unless `--sessions strict`; bars are restamped so that the
  replay stands at its present bar now. At `--speed X` one second of our time is X seconds of
  the recorded path; stamps are always the wall clock, plus the server's offset from UTC.
- Prices change once per second of the path; inside a recorded bar they take a seeded path
  through its open, high, low and close. Recordings that end are continued from their beginning,
  scaled so that the price does not jump; recorded order books begin anew as they were.
- Depth of market is there for recorded books only (`--depth`): market orders walk it with one
  deal a level, limit orders queue behind what stood there first. Stops leave through the book at
  its average price. What one takes is missing until the recording changes that level.
- Fills are whole and at the quote unless `--slippage-*`, `--partial-fill`, `--liquidity` or
  `--latency-*` say otherwise. Market orders never rest: what RETURN does not fill is given up.
- Swaps are charged at the server's midnight, margin at opening prices and present conversion.
  Stop-outs are looked for at the present price, not along the path that led there.
- A limit is refused on the wrong side of the market (10015) under exchange execution too.
"""
