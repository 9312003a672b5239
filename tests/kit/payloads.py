"""Bodies as the world really sends them, each with what it must be taken for."""

from __future__ import annotations

from dataclasses import dataclass

BUY, SELL, REVIEW = "BUY", "SELL", "review"


@dataclass(frozen=True)
class Payload:
    """A body and its meaning: the symbol and BUY or SELL, or the code that a person gets."""

    name: str
    body: bytes
    meaning: str
    detail: str
    """The symbol, or the reason's code."""
    content_type: str | None = None


def _p(name: str, body: str | bytes, meaning: str, detail: str) -> Payload:
    return Payload(name, body.encode() if isinstance(body, str) else body, meaning, detail)


_EXIT = "ACTION_NOT_SUPPORTED"

PAYLOADS = (
    # TradingView's own placeholders, filled
    _p(
        "strategy, nested",
        '{"ticker":"EURUSD","exchange":"OANDA","interval":"15","timenow":"2026-11-19T14:03:00Z",'
        '"strategy":{"order":{"action":"buy","contracts":"1","price":"1.085","id":"Long"},'
        '"position_size":"1","market_position":"long","prev_market_position":"flat"}}',
        BUY,
        "EURUSD",
    ),
    _p(
        "strategy, dotted names",
        '{"strategy.order.action":"sell","ticker":"BTCUSDT.P","strategy.market_position":"short",'
        '"strategy.order.contracts":"0.5","close":64000.5,"time":"2026-11-19T14:00:00Z"}',
        SELL,
        "BTCUSDT.P",
    ),
    _p(
        "strategy that closes its long",
        '{"ticker":"EURUSD","strategy":{"order":{"action":"sell"},"market_position":"flat"}}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "strategy that takes part of its long off",
        '{"ticker":"EURUSD","action":"sell","market_position":"long","market_position_size":"1"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "strategy whose signed position stays long after a sell",
        '{"ticker":"EURUSD","action":"sell","strategy":{"position_size":"1"}}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "strategy that turns from short to long",
        '{"ticker":"EURUSD","action":"buy","contracts":"2","market_position":"long",'
        '"prev_market_position":"short","order_comment":"Exit short"}',
        BUY,
        "EURUSD",
    ),
    _p(
        "default name of strategy.close",
        '{"ticker":"EURUSD","action":"sell","order_id":"Close entry(s) order Long"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "comment says take profit",
        '{"ticker":"EURUSD","action":"sell","comment":"TP1"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "default message of a strategy's fill",
        "My strat (14, 28): order buy @ 1.5 filled on BTCUSD. New strategy position is 1.5",
        BUY,
        "BTCUSD",
    ),
    _p(
        "default message of a fill that closes",
        "My strat (14, 28): order sell @ 1.5 filled on BTCUSD. New strategy position is 0",
        REVIEW,
        _EXIT,
    ),
    _p(
        "default message of a fill that reduces",
        "My strat (14, 28): order sell @ 1 filled on BTCUSD. New strategy position is 0.5",
        REVIEW,
        _EXIT,
    ),
    _p(
        "placeholder that nobody filled",
        '{"ticker":"{{ticker}}","action":"buy"}',
        REVIEW,
        "PLACEHOLDER_NOT_FILLED",
    ),
    _p(
        "empty plots",
        '{"symbol":"EURUSD","side":"buy","sl":NaN,"tp":null,"price":"NaN","qty":"null"}',
        BUY,
        "EURUSD",
    ),
    _p(
        "comment with line breaks",
        '{"ticker":"EURUSD","action":"buy","comment":"first\nsecond\tthird"}',
        BUY,
        "EURUSD",
    ),
    _p(
        "comment with quotes within quotes",
        '{"ticker":"EURUSD","comment":"the "big" one","action":"buy"}',
        REVIEW,
        "JSON_INVALID",
    ),
    _p("bare words", '{"ticker": EURUSD, "action": buy, "price": 1.085, }', BUY, "EURUSD"),
    _p("bare exchange and symbol", "{ticker: OANDA:EURUSD, action: sell}", SELL, "EURUSD"),
    _p("empty value", '{"ticker":"EURUSD","action":"buy","sl":,"tp":}', BUY, "EURUSD"),
    _p("single quotes", "{'ticker': 'EURUSD', 'action': 'buy', 'x': None}", BUY, "EURUSD"),
    _p("typographic quotes", "{“ticker”: “EURUSD”, “action”: “sell”}", SELL, "EURUSD"),
    _p("code fence", '```json\n{"ticker":"EURUSD","action":"buy"}\n```', BUY, "EURUSD"),
    _p("two documents", '{"ticker":"EURUSD","action":"buy"}{"a":1}', REVIEW, "JSON_INVALID"),
    _p("half a document", '{"ticker":"EURUSD","action":"buy"', REVIEW, "JSON_INVALID"),
    # the bridges' forms
    _p(
        "3Commas opens",
        '{"secret":"x","max_lag":"300","timestamp":"2026-11-19T14:03:00Z","trigger_price":"64000",'
        '"tv_exchange":"BINANCE","tv_instrument":"BTCUSDT","action":"enter_long","bot_uuid":"b-1",'
        '"strategy_info":{"market_position":"long","prev_market_position":"flat"},'
        '"order":{"amount":"0.1","currency_type":"base"}}',
        BUY,
        "BTCUSDT",
    ),
    _p(
        "3Commas closes with a plain sell",
        '{"tv_instrument":"BTCUSDT","action":"sell","bot_uuid":"b-1",'
        '"strategy_info":{"market_position":"flat","prev_market_position":"long"}}',
        REVIEW,
        _EXIT,
    ),
    _p("3Commas exits", '{"tv_instrument":"BTCUSDT","action":"exit_long"}', REVIEW, _EXIT),
    _p(
        "3Commas starts a deal",
        '{"message_type":"bot","bot_id":1,"email_token":"x","delay_seconds":0,"pair":"USDT_BTC"}',
        REVIEW,
        "DIRECTION_MISSING",
    ),
    _p(
        "TradersPost buys",
        '{"ticker":"AMD","action":"buy","orderType":"limit","limitPrice":85,"quantityType":'
        '"percent_of_equity","quantity":10,"takeProfit":{"percent":10},'
        '"stopLoss":{"type":"stop","percent":5}}',
        BUY,
        "AMD",
    ),
    _p("TradersPost exits", '{"ticker":"AMD","action":"exit"}', REVIEW, _EXIT),
    _p("TradersPost cancels", '{"ticker":"AMD","action":"cancel"}', REVIEW, _EXIT),
    _p("TradersPost adds", '{"ticker":"AMD","action":"add"}', REVIEW, _EXIT),
    _p(
        "TradersPost sells to flat",
        '{"ticker":"AMD","action":"sell","sentiment":"flat"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "TradersPost sells short",
        '{"ticker":"AMD","action":"sell","sentiment":"bearish","quantity":5}',
        SELL,
        "AMD",
    ),
    _p("PineConnector", "60123456,buy,EURUSD,risk=1,sl=20,tp=40", BUY, "EURUSD"),
    _p(
        "PineConnector pending with a comment",
        '60123456,selllimit,XAUUSD,price=2400.5,risk=0.5,comment="a, b",secret=s',
        SELL,
        "XAUUSD",
    ),
    _p("PineConnector closes", "60123456,closelong,EURUSD", REVIEW, _EXIT),
    _p("PineConnector moves a stop", "60123456,newsltplong,EURUSD,sl=20", REVIEW, _EXIT),
    _p("PineConnector cancels", "60123456,cancelshort,EURUSD", REVIEW, _EXIT),
    _p(
        "OctoBot",
        "EXCHANGE=binance;SYMBOL=BTCUSDT;SIGNAL=BUY;ORDER_TYPE=LIMIT;PRICE=60000;VOLUME=2%;TOKEN=x",
        BUY,
        "BTCUSDT",
    ),
    _p("OctoBot, lines", "EXCHANGE=binance\nSYMBOL=ETHUSDT\nSIGNAL=SELL", SELL, "ETHUSDT"),
    _p(
        "OctoBot reduces",
        "EXCHANGE=binance;SYMBOL=BTCUSDT;SIGNAL=SELL;REDUCE_ONLY=true",
        REVIEW,
        _EXIT,
    ),
    _p("OctoBot cancels", "SYMBOL=BTCUSDT;SIGNAL=CANCEL", REVIEW, _EXIT),
    _p(
        "OctoBot with a relative stop",
        "SYMBOL=BTCUSDT;SIGNAL=BUY;STOP_LOSS_PRICE=-5d",
        REVIEW,
        "FIELD_UNREADABLE",
    ),
    _p(
        "OpenAlgo",
        '{"apikey":"k","strategy":"S","symbol":"SBIN","action":"BUY","exchange":"NSE",'
        '"pricetype":"MARKET","product":"MIS","quantity":"1","position_size":"1"}',
        BUY,
        "SBIN",
    ),
    _p(
        "OpenAlgo to flat",
        '{"apikey":"k","symbol":"SBIN","action":"SELL","exchange":"NSE","position_size":"0"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "OpenAlgo stop-limit",
        '{"apikey":"k","symbol":"SBIN","action":"BUY","pricetype":"SL","price":"1"}',
        REVIEW,
        "ORDER_TYPE_UNKNOWN",
    ),
    _p(
        "CryptoGnome opens",
        '{"key":"k","exchange":"bybit","symbol":"BTCUSD","type":"Market","side":"Buy","qty":"1",'
        '"close_position":"False"}',
        BUY,
        "BTCUSD",
    ),
    _p(
        "CryptoGnome closes",
        '{"key":"k","symbol":"BTCUSD","type":"Market","side":"Sell","close_position":"True"}',
        REVIEW,
        _EXIT,
    ),
    _p(
        "passphrase form",
        '{"passphrase":"x","time":"2026-11-19T14:03:00Z","ticker":"EURUSD","bar":{"open":1.1,'
        '"high":1.2,"low":1.0,"close":1.15,"volume":500},"strategy":{"order_action":"buy",'
        '"order_contracts":10,"order_price":1.15,"order_id":"Long","market_position":"long",'
        '"position_size":10,"prev_market_position":"flat"}}',
        BUY,
        "EURUSD",
    ),
    # key=value and free text
    _p("pairs", "symbol=EURUSD side=buy sl=1.08 tp=1.1", BUY, "EURUSD"),
    _p("pairs in lines", "Symbol: EURUSD\nSide: Long\nPrice: 1.1", BUY, "EURUSD"),
    _p("a form", "symbol=OANDA%3AEURUSD&side=sell&qty=1", SELL, "EURUSD"),
    _p(
        "a form with a document",
        "payload=%7B%22ticker%22%3A%22EURUSD%22%2C%22action%22%3A%22buy%22%7D",
        BUY,
        "EURUSD",
    ),
    _p("text", "buy EURUSD", BUY, "EURUSD"),
    _p("text, upper case with the exchange", "SELL OANDA:XAUUSD NOW", SELL, "XAUUSD"),
    _p("text with prices", "Long EURUSD @ 1.0850 SL: 1.0800 TP: 1.0900", BUY, "EURUSD"),
    _p("text with a picture", "🚀 BUY BTCUSDT.P", BUY, "BTCUSDT.P"),
    _p("text with commas", "buy,EURUSD,0.1", BUY, "EURUSD"),
    _p("text with a password", "hunter2\nlong BTCUSD q=0.1 sl=1000", BUY, "BTCUSD"),
    _p("text, negated", "don't buy EURUSD", REVIEW, "TEXT_NOT_UNDERSTOOD"),
    _p("text, negated in another script", "не buy EURUSD", REVIEW, "TEXT_NOT_UNDERSTOOD"),
    _p("text, both ways", "buy or sell EURUSD", REVIEW, "TEXT_NOT_UNDERSTOOD"),
    _p("text, exit", "exit long EURUSD", REVIEW, _EXIT),
    _p("text, prose", "EURUSD crossing 1.0850", REVIEW, "TEXT_NOT_UNDERSTOOD"),
    _p("text, a question", "buy EURUSD?", REVIEW, "TEXT_NOT_UNDERSTOOD"),
    # encodings
    _p("UTF-8 with a mark", b"\xef\xbb\xbf" + b'{"ticker":"EURUSD","action":"buy"}', BUY, "EURUSD"),
    _p("UTF-16 with a mark", '{"ticker":"EURUSD","action":"buy"}'.encode("utf-16"), BUY, "EURUSD"),
    _p(
        "UTF-16 without a mark",
        '{"ticker":"EURUSD","action":"sell"}'.encode("utf-16-le"),
        SELL,
        "EURUSD",
    ),
    _p("UTF-16, big end first", "buy EURUSD".encode("utf-16-be"), BUY, "EURUSD"),
    _p("another code page", "buy EURUSD \u2013 now".encode("cp1252"), REVIEW, "BODY_NOT_UTF8"),
    # nesting, lists, types
    _p("wrapped", '{"alert":{"data":{"symbol":"EURUSD","side":"buy"}}}', BUY, "EURUSD"),
    _p("order inside", '{"order":{"symbol":"EURUSD","side":"sell","qty":2}}', SELL, "EURUSD"),
    _p(
        "order inside that says otherwise",
        '{"symbol":"EURUSD","side":"buy","order":{"side":"sell"}}',
        REVIEW,
        "DIRECTION_CONFLICT",
    ),
    _p("list of one", '[{"symbol":"EURUSD","side":"buy"}]', BUY, "EURUSD"),
    _p("named list of one", '{"orders":[{"symbol":"EURUSD","side":"buy"}]}', BUY, "EURUSD"),
    _p(
        "several orders",
        '{"orders":[{"symbol":"EURUSD","side":"buy"},{"symbol":"GBPUSD","side":"sell"}]}',
        REVIEW,
        "BATCH_NOT_SUPPORTED",
    ),
    _p(
        "an order and several beside it",
        '{"symbol":"EURUSD","side":"buy","legs":[{"side":"sell"},{"side":"sell"}]}',
        REVIEW,
        "BATCH_NOT_SUPPORTED",
    ),
    _p(
        "several targets",
        '{"symbol":"EURUSD","side":"buy","tp":[1.09,1.1]}',
        REVIEW,
        "FIELD_UNREADABLE",
    ),
    _p(
        "JSON in a text in JSON",
        '{"text":"{\\"ticker\\":\\"EURUSD\\",\\"action\\":\\"buy\\"}"}',
        BUY,
        "EURUSD",
    ),
    _p("chat hook", '{"content":"buy EURUSD"}', BUY, "EURUSD"),
    _p("case of names", '{"SYMBOL":"eurusd","Side":"BUY"}', BUY, "EURUSD"),
    _p("number as direction", '{"symbol":"EURUSD","side":1}', REVIEW, "DIRECTION_UNKNOWN"),
    _p("unknown word", '{"symbol":"EURUSD","side":"moon"}', REVIEW, "DIRECTION_UNKNOWN"),
    _p(
        "word of another script", '{"symbol":"EURUSD","side":"не buy"}', REVIEW, "DIRECTION_UNKNOWN"
    ),
    _p("banned", '{"symbol":"EURUSD","side":"🚫 buy"}', REVIEW, "DIRECTION_UNKNOWN"),
    _p("questioned", '{"symbol":"EURUSD","side":"buy?"}', REVIEW, "DIRECTION_UNKNOWN"),
    _p(
        "indicator named signal",
        '{"symbol":"EURUSD","action":"buy","signal":"RSI cross 30"}',
        BUY,
        "EURUSD",
    ),
    _p(
        "signal says exit",
        '{"symbol":"EURUSD","action":"buy","signal":"exit short"}',
        REVIEW,
        _EXIT,
    ),
    _p("kind is exit", '{"symbol":"EURUSD","side":"buy","type":"exit"}', REVIEW, _EXIT),
    _p("event of a bar", '{"symbol":"EURUSD","side":"buy","event":"bar_close"}', BUY, "EURUSD"),
    _p("close as a flag", '{"symbol":"EURUSD","side":"buy","close":true}', REVIEW, _EXIT),
    _p("marked as a test", '{"symbol":"EURUSD","side":"buy","test":true}', REVIEW, _EXIT),
    _p(
        "two symbols",
        '{"symbol":"EURUSD","ticker":"GBPUSD","side":"buy"}',
        REVIEW,
        "FIELD_CONFLICT",
    ),
    _p(
        "one symbol, spelt twice",
        '{"symbol":"BTC/USDT","ticker":"BINANCE:BTCUSDT.P","side":"buy"}',
        BUY,
        "BTC/USDT",
    ),
    _p(
        "unreadable stop", '{"symbol":"EURUSD","side":"buy","sl":"low"}', REVIEW, "FIELD_UNREADABLE"
    ),
    _p(
        "two stops",
        '{"symbol":"EURUSD","side":"buy","sl":1,"stop_loss":2}',
        REVIEW,
        "FIELD_CONFLICT",
    ),
    # our own form
    _p(
        "the desk's own",
        '{"desk":1,"id":"a-1","time":"2026-11-19T14:03:00Z","symbol":"OANDA:EURUSD","side":"buy",'
        '"stop_loss":"1.08","take_profit":"1.10","timeframe":"15","sequence":7}',
        BUY,
        "EURUSD",
    ),
    _p(
        "the desk's own, misspelt",
        '{"desk":1,"symbol":"EURUSD","side":"buy","stoplos":"1.08"}',
        REVIEW,
        "FIELD_UNKNOWN",
    ),
    _p(
        "the desk's own, of tomorrow",
        '{"desk":2,"symbol":"EURUSD","side":"buy"}',
        REVIEW,
        "FIELD_UNREADABLE",
    ),
    _p(
        "the desk's own, leaving its position",
        '{"desk":1,"id":"a","symbol":"EURUSD","side":"sell","position":"flat"}',
        REVIEW,
        _EXIT,
    ),
)
