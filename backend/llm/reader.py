"""Ask a language model what it thinks of structures; take nothing from it but votes.

The model sees prices and structures, no account, no order, no name of the desk. Whatever it
answers beside a vote of three words is dropped; what it does not answer, it abstains from. Its
vote is one of several: it can withhold conviction or lend it, never decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from backend.domain.conviction import Candidate, Vote, VoteKind
from backend.domain.market.bars import Bars
from backend.settings import Settings

STRUCTURES_MAX = 12
"""Structures per question: more are cut, the newest stay."""

_BARS = 80
_TIMEOUT_S = 20.0
_REASON_MAX = 200
_ANSWER_BYTES_MAX = 64_000
_ASK = (
    "You read price charts. Given finished bars (oldest first) and structures that a program"
    " found, say of each whether the bars up to its known_at support it: agree, disagree or"
    ' abstain. Answer with JSON only: {"votes": [{"id": 0, "vote": "agree", "reason": "at most'
    ' twenty words"}]}.'
)


class LlmUnavailable(Exception):
    """The endpoint did not answer, or not in a form that can be read."""


class LlmReader:
    """One model at one endpoint."""

    def __init__(self, client: httpx.Client, model: str) -> None:
        self.name = f"llm:{model}"[:64]
        self._client = client
        self._model = model

    def read(self, bars: Bars, structures: Sequence[Candidate]) -> list[Vote]:
        """Return a vote on each structure. Raises LlmUnavailable.

        Only bars up to the newest structure's `known_at` are sent.
        """
        asked = list(structures)[-STRUCTURES_MAX:]
        unasked = [self._abstain("not asked")] * (len(structures) - len(asked))
        answer = self._ask(_question(bars, asked))
        return unasked + [self._vote(answer.get(number), number) for number in range(len(asked))]

    def _ask(self, question: dict[str, Any]) -> dict[int, Any]:
        body = {
            "model": self._model,
            "temperature": 0,
            "seed": 7,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": _ASK},
                {"role": "user", "content": orjson.dumps(question).decode()},
            ],
        }
        try:
            response = self._client.post("chat/completions", json=body)
            response.raise_for_status()
            if len(response.content) > _ANSWER_BYTES_MAX:
                raise LlmUnavailable("the answer is too long")
            content = orjson.loads(response.content)["choices"][0]["message"]["content"]
            votes = orjson.loads(content)["votes"]
            return {int(vote["id"]): vote for vote in votes}
        except httpx.HTTPError as error:
            raise LlmUnavailable(f"{type(error).__name__}: {error}") from error
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise LlmUnavailable(f"not the JSON that was asked for: {error}") from error

    def _vote(self, answer: Any, number: int) -> Vote:
        if not isinstance(answer, dict):
            return self._abstain(f"no answer to {number}")
        reason = str(answer.get("reason") or "no reason given")[:_REASON_MAX]
        try:
            return Vote(self.name, VoteKind(str(answer.get("vote")).lower()), reason)
        except ValueError:
            return self._abstain("neither agree, disagree nor abstain")

    def _abstain(self, reason: str) -> Vote:
        return Vote(self.name, VoteKind.ABSTAIN, reason)


def llm_readers(settings: Settings) -> tuple[LlmReader, ...]:
    """Return a reader per configured model; none unless endpoint and models are set."""
    models = [name.strip() for name in (settings.llm_models or "").split(",") if name.strip()]
    if settings.llm_url is None or not models:
        return ()
    headers = {}
    if settings.llm_key is not None:
        headers["Authorization"] = f"Bearer {settings.llm_key.get_secret_value()}"
    client = httpx.Client(
        base_url=settings.llm_url.rstrip("/") + "/", headers=headers, timeout=_TIMEOUT_S
    )
    return tuple(LlmReader(client, model) for model in models)


def _question(bars: Bars, structures: Sequence[Candidate]) -> dict[str, Any]:
    end = max(one.known_at for one in structures) + 1
    first = max(0, end - _BARS)
    return {
        "symbol": bars.symbol,
        "timeframe": bars.timeframe,
        "bars": [
            [index, *(round(float(column[index]), 6) for column in _columns(bars))]
            for index in range(first, end)
        ],
        "columns": ["index", "open", "high", "low", "close", "volume"],
        "structures": [
            {
                "id": number,
                "kind": one.kind,
                "expects": "up" if one.direction > 0 else "down",
                "bar": one.event_bar,
                "known_at": one.known_at,
                "lower": round(one.lower, 6),
                "upper": round(one.upper, 6),
            }
            for number, one in enumerate(structures)
        ],
    }


def _columns(bars: Bars) -> tuple[Any, ...]:
    return bars.open, bars.high, bars.low, bars.close, bars.volume
