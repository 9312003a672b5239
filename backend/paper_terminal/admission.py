"""Who may come in: the arguments of `initialize` and `login`, checked as the package does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backend.paper_terminal.requests import InvalidArgument

_WORDS: dict[str, type] = {
    "path": str,
    "login": int,
    "password": str,
    "server": str,
    "timeout": int,
    "portable": bool,
}


@dataclass(frozen=True, slots=True)
class Admission:
    """The one account of a terminal. password "": none is asked."""

    login: int
    server: str
    password: str = ""

    def admits(self, function: str, args: list[Any], kwargs: dict[str, Any]) -> bool:
        """Tell whether these words open the account. Raises InvalidArgument.

        The only positional argument is a path for `initialize`, the login for `login`.
        """
        words = dict(kwargs)
        if args:
            words |= {"login" if function == "login" else "path": args[0]}
        if len(args) > 1 or (function == "login" and "login" not in words):
            raise InvalidArgument("Invalid number of arguments")
        for word, kind in _WORDS.items():
            if word in words and not isinstance(words[word], kind):
                raise InvalidArgument(f'Invalid "{word}" argument')
        # A terminal that is asked for nobody in particular stays with the account it knows.
        asked = words.get("login", 0)
        if asked and self.password and words.get("password") != self.password:
            return False
        return asked in (0, self.login) and words.get("server", self.server) == self.server
