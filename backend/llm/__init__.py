"""Language models as readers of structure, behind an OpenAI-compatible endpoint."""

from backend.llm.reader import LlmReader, LlmUnavailable, llm_readers

__all__ = ["LlmReader", "LlmUnavailable", "llm_readers"]
