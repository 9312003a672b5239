"""What goes wrong for reasons that a person can mend: one line, a code and what to do."""


class DeskError(Exception):
    """Stop with a message for the person at the keyboard, never with a traceback.

    code: dotted and stable, for scripts; hint: what to do next, in one sentence.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str]:
        """Give the error in the form that `--json` prints."""
        return {"code": self.code, "message": self.message, "hint": self.hint}
