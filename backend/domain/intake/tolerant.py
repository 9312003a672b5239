"""JSON as alert messages really have it, where strict JSON fails.

Read beyond the standard, because only one meaning is possible: trailing commas, single or
typographic quotes, bare words as keys and values (`{"action": {{strategy.order.action}}}` comes
as `{"action": buy}`), nothing between two commas' sides, `True` and `None`. Refused, because
several are: quotes within quotes, text after the end, a key given twice with two values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

_DEPTH_MAX = 12
_SPACE = re.compile(r"[\s\ufeff\u200b]*")
_WORD = re.compile(r"[A-Za-z0-9_.+\-:/%!@$]+")
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u201d": "\u201d"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None, "none": None, "nan": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def read_tolerantly(text: str, make_object: Callable[[list[tuple[str, object]]], object]) -> object:
    """Return the document. Raises ValueError where it has no single meaning."""
    reader = _Reader(text, make_object)
    document = reader.value(0)
    reader.skip_space()
    if reader.at != len(text):
        raise ValueError("text after the end")
    return document


class _Reader:
    """One pass over a text; `at` is the place of the next character."""

    def __init__(
        self, text: str, make_object: Callable[[list[tuple[str, object]]], object]
    ) -> None:
        self.text = text
        self.at = 0
        self.make_object = make_object

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def peek(self) -> str:
        self.skip_space()
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> object:
        if depth > _DEPTH_MAX:
            raise ValueError("nested too deeply")
        sign = self.peek()
        if sign == "{":
            return self.members(depth)
        if sign == "[":
            return self.items(depth)
        if sign in _QUOTES:
            return self.quoted()
        return _meaning(self.word())

    def members(self, depth: int) -> object:
        self.at += 1
        pairs: list[tuple[str, object]] = []
        while (sign := self.peek()) != "}":
            key = self.quoted() if sign in _QUOTES else self.word(key=True)
            if self.peek() != ":":
                raise ValueError("a key without a colon")
            self.at += 1
            empty = self.peek() in (",", "}")
            pairs.append((key, None if empty else self.value(depth + 1)))
            self.separator("}")
        self.at += 1
        return self.make_object(pairs)

    def items(self, depth: int) -> object:
        self.at += 1
        found: list[object] = []
        while self.peek() != "]":
            found.append(self.value(depth + 1))
            self.separator("]")
        self.at += 1
        return found

    def separator(self, end: str) -> None:
        sign = self.peek()
        if sign == ",":
            self.at += 1
        elif sign != end:
            raise ValueError("neither a comma nor the end")

    def quoted(self) -> str:
        closing = _QUOTES[self.text[self.at]]
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == closing:
                return "".join(parts)
            if character == "\\" and self.at < len(self.text):
                character = self.escaped()
            parts.append(character)
        raise ValueError("a quote that does not end")

    def escaped(self) -> str:
        sign = self.text[self.at]
        self.at += 1
        if sign != "u":
            return _ESCAPES.get(sign, sign)
        digits = self.text[self.at : self.at + 4]
        self.at += 4
        return chr(int(digits, 16))

    def word(self, key: bool = False) -> str:
        self.skip_space()
        # A colon ends a key; in a value it stands between exchange and symbol.
        match = _WORD.match(self.text, self.at)
        word = (match[0].partition(":")[0] if key else match[0]) if match else ""
        if not word:
            raise ValueError("neither a value nor a word")
        self.at += len(word)
        return word


def _meaning(word: str) -> object:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _NUMBER.fullmatch(word):
        try:
            return Decimal(word)
        except InvalidOperation:
            return None
    return word
