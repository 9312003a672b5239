"""Faults on demand: which there are, and the rules by which they strike.

A rule names a fault, whom it may strike (function, action, symbol) and how often: it lets `skip`
matching calls pass, then strikes with `probability` until `next` calls are struck or its time is
over. Every rule draws from a stream of its own, made of the terminal's seed and the rule's
number: the same rules and the same calls give the same strikes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from backend.paper_terminal.constants import Action
from backend.paper_terminal.fault_kinds import KINDS, Kind, parameters_of

Strikes = dict[str, dict[str, Any]]
ACTIONS = {action.name.lower(): int(action) for action in Action}


@dataclass(frozen=True, slots=True)
class Rule:
    """One injected fault. left None: no end by count; until_ms None: none by time (UTC)."""

    id: int
    fault: str
    parameters: dict[str, Any]
    functions: tuple[str, ...]
    action: str
    symbol: str
    skip: int
    left: int | None
    probability: float
    until_ms: int | None
    keep: bool
    struck: int = 0


@dataclass(frozen=True, slots=True)
class Injection:
    """What someone asks for. next None: once, unless probability or duration say more."""

    fault: str
    parameters: dict[str, Any]
    functions: tuple[str, ...] = ()
    action: str = ""
    symbol: str = ""
    skip: int = 0
    next: int | None = None
    probability: float = 1.0
    duration_s: float | None = None
    keep: bool = False


class Faults:
    """The rules in force. now_ms: the clock; remember: keeps a list of rules over a restart."""

    def __init__(
        self,
        seed: int,
        now_ms: Callable[[], int],
        remember: Callable[[list[dict[str, Any]]], None],
        kept: list[dict[str, Any]],
    ) -> None:
        self._seed = seed
        self._now_ms = now_ms
        self._remember = remember
        self._lock = threading.Lock()
        self._rules: dict[int, Rule] = {}
        self._streams: dict[int, np.random.Generator] = {}
        self._next_id = 1
        self._kept = kept
        for row in kept:
            values: dict[str, Any] = row | {"functions": tuple(row["functions"])}
            self._add(Rule(**values))

    @property
    def active(self) -> bool:
        """Tell whether any rule is in force; the cheap question of every call."""
        return bool(self._rules)

    def inject(self, asked: Injection) -> Rule:
        """Put a rule in force. Raises ValueError naming what is wrong with it."""
        kind = KINDS.get(asked.fault)
        if kind is None:
            raise ValueError(f"no such fault: {asked.fault}")
        rule = Rule(
            id=self._next_id,
            fault=asked.fault,
            parameters=parameters_of(kind, asked.parameters),
            functions=asked.functions or kind.functions,
            action=asked.action,
            symbol=asked.symbol,
            skip=asked.skip,
            left=_count(kind, asked),
            probability=asked.probability,
            until_ms=_until(asked, self._now_ms()),
            keep=asked.keep,
        )
        _check(kind, rule)
        with self._lock:
            self._add(rule)
            self._keep()
        return rule

    def clear(self, rule_id: int | None = None) -> int:
        """End one rule, or all of them; gives how many. Raises ValueError if it is unknown."""
        with self._lock:
            if rule_id is not None and rule_id not in self._rules:
                raise ValueError(f"no such rule: {rule_id}")
            chosen = list(self._rules) if rule_id is None else [rule_id]
            for one in chosen:
                self._end(one)
            self._keep()
            return len(chosen)

    def rules(self) -> list[dict[str, Any]]:
        """List the rules in force, oldest first."""
        with self._lock:
            self._expire()
            return [asdict(rule) for rule in self._rules.values()]

    def strike(self, function: str, action: int = 0, symbol: str = "") -> Strikes:
        """Draw what strikes this call: faults by name with their parameters."""
        if not self._rules:
            return {}
        struck: Strikes = {}
        with self._lock:
            self._expire()
            for rule in list(self._rules.values()):
                kind = KINDS[rule.fault]
                if kind.lasting or not _matches(rule, function, action, symbol):
                    continue
                if rule.fault not in struck and self._draw(rule):
                    struck[rule.fault] = rule.parameters
        return struck

    def in_force(self, fault: str, symbol: str = "") -> dict[str, Any] | None:
        """Give the parameters of a lasting fault, None while there is none."""
        if not self._rules:
            return None
        with self._lock:
            self._expire()
            for rule in self._rules.values():
                if rule.fault == fault and rule.symbol in ("", symbol):
                    return rule.parameters
        return None

    def _draw(self, rule: Rule) -> bool:
        if rule.skip:
            self._put(replace(rule, skip=rule.skip - 1))
            return False
        if rule.probability < 1 and self._streams[rule.id].random() >= rule.probability:
            return False
        left = None if rule.left is None else rule.left - 1
        self._put(replace(rule, left=left, struck=rule.struck + 1))
        if left == 0:
            self._end(rule.id)
        if rule.keep:
            self._keep()
        return True

    def _add(self, rule: Rule) -> None:
        self._next_id = max(self._next_id, rule.id + 1)
        self._streams[rule.id] = np.random.default_rng([self._seed, 0xFA17, rule.id, rule.struck])
        self._rules[rule.id] = rule

    def _put(self, rule: Rule) -> None:
        self._rules[rule.id] = rule

    def _end(self, rule_id: int) -> None:
        del self._rules[rule_id], self._streams[rule_id]

    def _expire(self) -> None:
        now = self._now_ms()
        over = [r.id for r in self._rules.values() if r.until_ms is not None and r.until_ms <= now]
        for rule_id in over:
            self._end(rule_id)

    def _keep(self) -> None:
        kept = [asdict(rule) for rule in self._rules.values() if rule.keep]
        if kept != self._kept:
            self._kept = kept
            self._remember(kept)


def _count(kind: Kind, asked: Injection) -> int | None:
    if asked.next is not None:
        return asked.next
    bounded = asked.probability < 1 or asked.duration_s is not None
    return None if kind.lasting or bounded else 1


def _until(asked: Injection, now_ms: int) -> int | None:
    return None if asked.duration_s is None else now_ms + round(asked.duration_s * 1000)


def _check(kind: Kind, rule: Rule) -> None:
    if rule.action and rule.action not in ACTIONS:
        raise ValueError(f"no such action: {rule.action}; one of {', '.join(ACTIONS)}")
    if not 0 < rule.probability <= 1:
        raise ValueError("the probability must lie above 0 and not above 1")
    if rule.skip < 0 or (rule.left is not None and rule.left < 1):
        raise ValueError("counts of calls must be positive")
    if kind.lasting and (rule.left is not None or rule.skip or rule.probability < 1):
        raise ValueError(f"{rule.fault} lasts: it takes a duration, no count and no probability")


def _matches(rule: Rule, function: str, action: int, symbol: str) -> bool:
    return (
        (function in rule.functions or "any" in rule.functions)
        and (not rule.action or ACTIONS[rule.action] == action)
        and rule.symbol in ("", symbol)
    )


_WORDS: dict[str, tuple[type, ...]] = {
    "fault": (str,),
    "parameters": (dict,),
    "functions": (list, tuple),
    "action": (str,),
    "symbol": (str,),
    "skip": (int,),
    "next": (int, type(None)),
    "probability": (int, float),
    "duration_s": (int, float, type(None)),
    "keep": (bool,),
}


def injection(given: dict[str, Any]) -> Injection:
    """Read an injection from plain JSON. Raises ValueError naming what is wrong."""
    for word, value in given.items():
        if word not in _WORDS or not isinstance(value, _WORDS[word]):
            raise ValueError(f"{word}: {value!r} makes no sense")
    if "fault" not in given:
        raise ValueError("a fault is missing")
    values: dict[str, Any] = {"parameters": {}} | given
    values["functions"] = tuple(str(name) for name in values.get("functions", ()))
    return Injection(**values)
