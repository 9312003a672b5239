"""MetaTrader 5 over the functions of its Python package, whichever terminal offers them.

Reading order: `venue` is what the desk calls; `requests` turns an attempt into a trade request;
`reports` turns answers into reports; `search` finds an order whose answer was lost; `retcodes`
says what an answer means; `server_time` finds the server's offset; `terminals` reaches a terminal.
"""
