"""Every reason for which the desk says no, with a number that never changes.

`TRnnn` is a valid SQLSTATE: procedures raise it, rows store it, `Code` names it in Python.
TR1xx bus, TR2xx intake and signals, TR3xx risk, TR4xx execution, TR5xx governance,
TR6xx routing and sizing. A number is never given to another reason; new ones go at the end.
A gap is a reason that nothing gives.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What a code says about who has to do something."""

    DENIAL = "denial"
    """An outcome: the request was understood, and the answer is no."""
    REFUSAL = "refusal"
    """The input is malformed, forged or not this sender's to give; sending it again is futile."""
    FAULT = "fault"
    """Nobody's decision: worth another try within a stated limit."""


_DENIAL, _REFUSAL, _FAULT = Kind.DENIAL, Kind.REFUSAL, Kind.FAULT


class Code(StrEnum):
    """A stable reason; its value is the SQLSTATE."""

    kind: Kind
    meaning: str

    def __new__(cls, number: str, kind: Kind, meaning: str) -> Self:
        """Make a code that is its number, and knows its kind and meaning."""
        code = str.__new__(cls, number)
        code._value_ = number
        code.kind = kind
        code.meaning = meaning
        return code

    @classmethod
    def of_number(cls, number: str | None) -> Code | None:
        """Return the code of that number, None if the text is no number of ours."""
        return next((code for code in cls if code.value == number), None)

    # TR1xx: the bus
    MESSAGE_EXPIRED = "TR101", _REFUSAL, "the message outlived its time to live"
    MESSAGE_REPLAYED = "TR102", _REFUSAL, "this message or idempotency key was published before"
    SIGNATURE_FORGED = (
        "TR103",
        _REFUSAL,
        "the signature does not belong to these bytes and this key",
    )
    KEY_UNKNOWN = "TR104", _REFUSAL, "no such key is registered for this sender"
    KEY_REVOKED = "TR105", _REFUSAL, "the key is revoked or not valid at this time"
    MESSAGE_FROM_FUTURE = "TR106", _REFUSAL, "the message was created later than now"
    PUBLICATION_NOT_ALLOWED = "TR107", _REFUSAL, "this sender may not publish this type"
    LEASE_LOST = "TR108", _FAULT, "the lease moved on: whoever stalled may not commit"
    SESSION_NOT_AGENT = "TR109", _REFUSAL, "the session's login is no agent's"
    WORKER_UNKNOWN = "TR110", _FAULT, "the worker is not registered or its lease is over"
    DEAD_LETTER_UNKNOWN = "TR111", _REFUSAL, "no such dead letter, or it was replayed before"
    SCHEMA_INVALID = "TR112", _REFUSAL, "envelope or payload does not obey its schema"
    TYPE_UNKNOWN = "TR113", _REFUSAL, "the type is no family of this desk"
    VERSION_UNKNOWN = "TR114", _REFUSAL, "the envelope's version is not understood"
    NOT_CANONICAL = "TR115", _REFUSAL, "a value has no exact canonical form"
    SIGNATURE_MALFORMED = (
        "TR116",
        _REFUSAL,
        "the signature is not `ed25519:` and 64 bytes of base64",
    )
    HANDLER_FAILED = "TR120", _FAULT, "the agent raised while it handled the message"
    CIRCUIT_OPEN = "TR121", _FAULT, "a dependency failed too often and is left alone for a while"
    AGENT_UNKNOWN = "TR122", _REFUSAL, "no such agent is declared"

    # TR2xx: intake, review and what a signal must bring along
    TOKEN_UNKNOWN = "TR201", _REFUSAL, "no source has this token"
    TOKEN_REVOKED = "TR202", _REFUSAL, "the source's token was revoked"
    BODY_TOO_LARGE = "TR203", _REFUSAL, "the body is larger than an alert may be"
    RATE_LIMITED = "TR204", _REFUSAL, "the source posts faster than it may"
    BODY_EMPTY = "TR205", _REFUSAL, "the body is empty"
    BODY_NOT_UTF8 = "TR206", _REFUSAL, "the body is not UTF-8"
    JSON_INVALID = "TR207", _REFUSAL, "the body begins like JSON and is not"
    JSON_KEY_TWICE = "TR208", _REFUSAL, "a key occurs twice in one object"
    BATCH_NOT_SUPPORTED = "TR209", _REFUSAL, "one post carries several alerts"
    FIELD_CONFLICT = "TR210", _REFUSAL, "two fields say different things"
    NOT_UNDERSTOOD = "TR211", _REFUSAL, "the alert was stored, yet not understood"
    TEXT_NOT_UNDERSTOOD = "TR212", _REFUSAL, "the alert's text follows no known form"
    PLACEHOLDER_NOT_FILLED = "TR213", _REFUSAL, "TradingView left a {{placeholder}} unfilled"
    DIRECTION_MISSING = "TR214", _REFUSAL, "the alert names no direction"
    DIRECTION_UNKNOWN = "TR215", _REFUSAL, "the alert's direction is no known word"
    DIRECTION_CONFLICT = "TR216", _REFUSAL, "the alert says both buy and sell"
    ACTION_NOT_SUPPORTED = "TR217", _REFUSAL, "the alert asks for something other than an entry"
    ORDER_TYPE_UNKNOWN = "TR218", _REFUSAL, "the alert's order type is no known word"
    SYMBOL_MISSING = "TR219", _REFUSAL, "the alert names no symbol"
    SYMBOL_UNREADABLE = "TR220", _REFUSAL, "the alert's symbol cannot be one"
    SYMBOL_UNKNOWN = "TR221", _REFUSAL, "no instrument has this symbol or alias"
    SYMBOL_NOT_TRADABLE = "TR222", _DENIAL, "the instrument is known and not open for trading"
    TIMEFRAME_UNKNOWN = "TR223", _REFUSAL, "the timeframe is none of the desk's"
    ORDER_PRICE_MISSING = "TR224", _REFUSAL, "a limit or stop order without its price"
    STOP_ON_WRONG_SIDE = "TR225", _DENIAL, "the stop loss lies on the profit's side"
    TARGET_ON_WRONG_SIDE = "TR226", _DENIAL, "the target lies on the loss's side"
    SOURCE_TIME_IN_FUTURE = "TR227", _REFUSAL, "the alert's own time is later than now"
    ALERT_TOO_OLD = "TR228", _DENIAL, "the alert is older than its source allows"
    MARKET_CLOSED = "TR229", _DENIAL, "the instrument's market is closed"
    STRATEGY_UNKNOWN = "TR232", _REFUSAL, "no such strategy in this organisation"
    BARS_MISSING = "TR233", _DENIAL, "too few bars to score the signal"
    BARS_STALE = "TR234", _DENIAL, "the last bar is too old to score the signal"
    SCORE_BELOW_THRESHOLD = "TR235", _DENIAL, "the score is below the strategy's threshold"
    ATR_NOT_POSITIVE = "TR236", _DENIAL, "the average true range is zero: nothing to measure by"
    STOP_TOO_CLOSE = "TR237", _DENIAL, "the stop loss is closer than noise"
    REWARD_TOO_SMALL = "TR238", _DENIAL, "the target pays too little for the risk"
    REVIEW_UNKNOWN = "TR239", _REFUSAL, "no such review"
    REVIEW_DECIDED = "TR240", _REFUSAL, "the review was decided before"
    REVIEW_REFUSED = "TR241", _DENIAL, "a person looked at it and refused"
    REVIEW_EXPIRED = "TR242", _DENIAL, "nobody decided the review in time"

    ADDRESS_NOT_ALLOWED = "TR250", _REFUSAL, "the source may not post from this address"
    SECRET_WRONG = "TR251", _REFUSAL, "the alert does not carry its source's secret"
    FIELD_UNREADABLE = "TR252", _REFUSAL, "a stop, target or price is given and unreadable"
    FIELD_UNKNOWN = "TR253", _REFUSAL, "the desk's own format has no such field"

    INSTRUMENT_UNKNOWN = "TR260", _REFUSAL, "no such instrument"
    LIFECYCLE_STEP_MISSING = (
        "TR261",
        _DENIAL,
        "an instrument's life does not lead there: only a manual override does",
    )
    SPELLING_TAKEN = "TR262", _DENIAL, "the spelling leads to another instrument"

    # TR3xx: risk
    LIMIT_MISSING = "TR301", _DENIAL, "a mandatory limit is not set"
    PRICE_MISSING = "TR302", _DENIAL, "no quote of the instrument at the venue"
    PRICE_STALE = "TR303", _DENIAL, "the last quote is too old"
    ACCOUNT_MISSING = "TR304", _DENIAL, "the account or its state is not known"
    ACCOUNT_NOT_TRADING = "TR305", _DENIAL, "the account is not active"
    POLICY_MISSING = "TR306", _DENIAL, "no policy pack is active"
    POLICY_HASH_MISMATCH = "TR307", _DENIAL, "judged under another policy pack than the active one"
    NOTIONAL_EXCEEDED = "TR308", _DENIAL, "the order's notional is above its limit"
    QUANTITY_EXCEEDED = "TR309", _DENIAL, "the order's quantity is above its limit"
    POSITION_EXCEEDED = "TR310", _DENIAL, "the resulting position is above its limit"
    GROSS_EXPOSURE_EXCEEDED = "TR311", _DENIAL, "the resulting gross exposure is above its limit"
    NET_EXPOSURE_EXCEEDED = "TR312", _DENIAL, "the resulting net exposure is above its limit"
    LEVERAGE_EXCEEDED = "TR313", _DENIAL, "the resulting leverage is above its limit"
    DAILY_LOSS_EXCEEDED = "TR314", _DENIAL, "the day's loss reached its hard limit"
    DRAWDOWN_EXCEEDED = "TR315", _DENIAL, "the drawdown from the peak reached its limit"
    OPEN_ORDERS_EXCEEDED = "TR316", _DENIAL, "too many orders are working"
    ORDER_RATE_EXCEEDED = "TR317", _DENIAL, "too many orders in the window"
    PRICE_COLLAR_EXCEEDED = "TR318", _DENIAL, "the price is too far from the market"
    SPREAD_EXCEEDED = "TR319", _DENIAL, "the spread is wider than allowed"
    STOP_LOSS_MISSING = "TR320", _DENIAL, "the policy demands a stop loss"
    REWARD_TO_RISK_TOO_LOW = "TR321", _DENIAL, "reward to risk is below the policy's minimum"
    INSTRUMENT_NOT_TRADABLE = "TR322", _DENIAL, "the instrument is not open for trading"
    MODE_NOT_ALLOWED = "TR323", _DENIAL, "the mode is not the account's or not allowed"
    VAR_EXCEEDED = "TR324", _DENIAL, "the resulting value at risk is above its limit"
    MARGIN_EXCEEDED = "TR325", _DENIAL, "the free margin does not carry the order"
    OBSERVATION_MISSING = "TR326", _DENIAL, "a limit is set and what it limits is not known"
    LIMIT_EXCEEDED = "TR327", _DENIAL, "a limit without a code of its own is exceeded"
    QUANTITY_NOT_POSITIVE = "TR328", _DENIAL, "the quantity is not above zero"
    QUANTITY_BELOW_MINIMUM = "TR329", _DENIAL, "trimming left less than the smallest order"
    STRATEGY_NOT_TRADING = "TR330", _DENIAL, "the strategy is missing or not active"
    VENUE_NOT_TRADING = "TR331", _DENIAL, "the venue is closed"
    INSTRUMENT_MISSING = "TR332", _DENIAL, "the instrument is not known"
    ACCOUNT_STATE_STALE = "TR333", _DENIAL, "the account's equity is too old to judge by"
    OPEN_POSITIONS_EXCEEDED = "TR334", _DENIAL, "too many positions are open"
    RISK_PER_TRADE_EXCEEDED = "TR335", _DENIAL, "the loss at the stop is above its limit"
    CONVERSION_RATE_MISSING = "TR336", _DENIAL, "no rate into the account's currency"
    INTENT_CONFLICT = "TR337", _REFUSAL, "the intent's id was used for another intent"
    POLICY_INVALID = "TR338", _REFUSAL, "the policy pack is malformed"
    POLICY_NOT_ALLOWED = "TR339", _REFUSAL, "this pack may not be applied beside a live account"
    REDUCE_ONLY_INCREASES = "TR340", _DENIAL, "a reduce-only order would open or enlarge"
    CONCENTRATION_EXCEEDED = "TR341", _DENIAL, "too much of the equity stands in one instrument"
    BASKET_EXCEEDED = "TR342", _DENIAL, "too much stands in symbols that move together"
    COUNTERPARTY_EXCEEDED = "TR343", _DENIAL, "too much money lies with one venue"
    SHORTFALL_EXCEEDED = "TR344", _DENIAL, "the resulting expected shortfall is above its limit"
    ADVERSE_SELECTION = "TR345", _DENIAL, "the market moves against recent fills too far"
    REJECTIONS_EXCEEDED = "TR346", _DENIAL, "the venue rejected too many recent orders"
    NEWS_CLOSE = "TR347", _DENIAL, "an announcement is too close"
    WINDOW_CLOSED = "TR348", _DENIAL, "outside of the trading windows"
    COOLING_DOWN = "TR349", _DENIAL, "the strategy or the venue rests"
    COOLDOWN_SCOPE_UNKNOWN = "TR350", _REFUSAL, "there is no such strategy or venue to rest"
    ACCOUNT_NOT_ENROLLED = "TR351", _DENIAL, "the strategy may not trade at this account"

    # TR4xx: execution
    ORDER_NOT_AUTHORIZED = "TR401", _DENIAL, "no authorised intent stands behind the order"
    ORDER_NOT_WORKING = "TR402", _DENIAL, "the order is not working"
    HALTED = "TR403", _DENIAL, "a halt covers the order"
    ATTEMPT_ALREADY_OPEN = "TR404", _DENIAL, "the order has an attempt without an answer"
    ACCOUNT_LEASE_LOST = "TR405", _FAULT, "another worker owns the account now"
    TRANSITION_ILLEGAL = "TR406", _REFUSAL, "the order's state does not lead there"
    OVERFILL = "TR407", _REFUSAL, "the fills would exceed the order's quantity"
    INTENT_EXPIRED = "TR408", _DENIAL, "the authorisation is over"
    VENUE_UNKNOWN = "TR409", _DENIAL, "no such venue, or not the account's"
    ORDER_UNKNOWN = "TR410", _REFUSAL, "no such order"
    ORDER_EXPIRED = "TR411", _DENIAL, "the order's time is over"
    ATTEMPT_UNKNOWN = "TR412", _REFUSAL, "no such attempt"
    CHILDREN_EXCEED_INTENT = "TR413", _DENIAL, "the child orders sum to more than was authorised"
    VENUE_REJECTED = "TR414", _DENIAL, "the venue rejected the order"
    VENUE_UNREACHABLE = "TR415", _FAULT, "the venue cannot be reached"
    VENUE_ANSWER_UNKNOWN = "TR416", _FAULT, "sent, no answer: the venue will be asked"
    ORDER_NOT_SENT = (
        "TR417",
        _DENIAL,
        "the venue has no trace of the attempt after the settle window",
    )
    ORDER_NOT_EXPRESSIBLE = "TR418", _DENIAL, "the venue's digits or steps cannot say this order"
    FILL_CONFLICT = "TR419", _REFUSAL, "the venue's trade id was booked with other figures"
    CHANGE_PENDING = "TR420", _DENIAL, "the order waits for the venue's answer to a change"
    CHANGE_EMPTY = "TR421", _REFUSAL, "the order has these terms already"
    LEDGER_UNBALANCED = "TR422", _REFUSAL, "a ledger transaction does not sum to zero"
    MOVEMENT_UNKNOWN = "TR423", _REFUSAL, "no such account, kind or amount of money to post"
    DAY_NOT_OVER = "TR424", _REFUSAL, "the day is not over yet"
    VENUE_PRICE_MOVED = "TR430", _FAULT, "the venue's price moved away: the order is tried again"
    VENUE_BUSY = "TR431", _FAULT, "the venue asks to wait: the order is tried again"
    VENUE_NEEDS_OPERATOR = "TR432", _FAULT, "the terminal trades when a person lets it"
    ATTEMPT_STALE = "TR433", _FAULT, "opened too long ago to be sent: the order is tried again"
    RECONCILIATION_UNKNOWN = "TR434", _REFUSAL, "no such reconciliation"
    RECONCILIATION_DIFFERS = "TR435", _FAULT, "books and venue differ, and nobody can say why"
    ACCOUNT_NOT_SERVABLE = "TR436", _REFUSAL, "no bridge of its own can serve the account"
    POSITION_CLOSED = "TR437", _DENIAL, "the venue has no such position any more"
    STOP_CLOSER_THERE = "TR438", _DENIAL, "the venue's stop is closer: a wider one needs authority"

    # TR5xx: governance
    NOT_A_VOTER = "TR501", _REFUSAL, "this login has no vote on this kind of proposal"
    PROPOSAL_DECIDED = "TR502", _REFUSAL, "the proposal was decided before"
    PROPOSAL_EXPIRED = "TR503", _DENIAL, "the proposal's time is over"
    OWN_PROPOSAL = "TR504", _REFUSAL, "nobody votes on a proposal of their own"
    PROPOSAL_UNKNOWN = "TR505", _REFUSAL, "no such proposal"
    REASON_MISSING = "TR507", _REFUSAL, "a decision without a reason"
    VOTE_UNREADABLE = "TR508", _REFUSAL, "a vote is approve or refuse"
    SESSION_MAY_NOT_VOTE = "TR509", _REFUSAL, "this session may read, not vote"
    PROPOSAL_KIND_UNKNOWN = "TR510", _REFUSAL, "no quorum rule for this kind of proposal"
    PROPOSAL_REFUSED = "TR511", _DENIAL, "the vote went against it"
    VOTE_REQUIRED = "TR512", _REFUSAL, "this change needs a passed proposal"
    HALT_UNKNOWN = "TR513", _REFUSAL, "no such halt, or it was lifted before"
    RECORD_IMMUTABLE = "TR514", _REFUSAL, "the record is append-only"
    HALT_SCOPE_UNKNOWN = "TR515", _REFUSAL, "there is nothing of that scope and name to halt"
    HALT_CAUSE_REFUSED = "TR516", _REFUSAL, "this session does not halt for that cause"
    ACCOUNT_NOT_FLAT = "TR517", _REFUSAL, "the account holds positions or orders"

    # TR6xx: routing and sizing
    CONFLICTING_SIGNAL = "TR601", _DENIAL, "not selected: a stronger or opposite signal stands"
    PROBABILITY_LOW = "TR602", _DENIAL, "the probability is below the routing policy's minimum"
    HEALTH_MISSING = "TR603", _DENIAL, "no venue reported its health for the symbol"
    HEALTH_STALE = "TR604", _DENIAL, "the venue's health report is too old"
    THROTTLED = "TR605", _DENIAL, "the venue's throttle is used up"
    BELOW_MINIMUM = "TR606", _DENIAL, "the size is below the smallest order"
    STRATEGY_DISABLED = "TR608", _DENIAL, "the strategy is switched off"
    WINDOW_OVER = "TR609", _DENIAL, "the execution window has closed"
    EDGE_LOW = "TR610", _DENIAL, "the expected gain after costs is too small"
    FILL_CONFIDENCE_LOW = "TR611", _DENIAL, "the venue is unlikely to fill"
    LATENCY_OVER_BUDGET = "TR612", _DENIAL, "the venue is too slow for this signal"
    SPREAD_EATS_EDGE = "TR613", _DENIAL, "the spread costs more than the expected gain"
    RISK_DEBT = "TR614", _DENIAL, "too many reservations are outstanding"
    EQUITY_NOT_POSITIVE = "TR615", _DENIAL, "the account has no equity to risk"
    STOP_MISSING = "TR616", _DENIAL, "without a stop there is no size"
    TREASURY_UNKNOWN = "TR617", _DENIAL, "the treasury's state is unknown or too old"
    NO_EDGE = "TR618", _DENIAL, "the growth-optimal size is zero"
    NO_ROOM = "TR619", _DENIAL, "the limits leave no room for another lot"
    UTILITY_LOW = "TR620", _DENIAL, "the utility is below the portfolio's minimum"
    ROUTING_POLICY_MISSING = "TR622", _DENIAL, "the strategy has no routing policy"
    NO_VENUE = "TR623", _DENIAL, "none of the strategy's venues may take the order"
