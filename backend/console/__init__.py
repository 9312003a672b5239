"""The operators' pages: rendered here, no build step, nothing loaded from elsewhere."""

from backend.console.gate import Gate, NotLetIn
from backend.console.pages import install

__all__ = ["Gate", "NotLetIn", "install"]
