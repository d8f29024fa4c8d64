"""What the vendor's own tools did for one answer and bills by the piece: searches. Pure.

Up to Gemini 2.x a grounded prompt has one price, however many queries were run; since Gemini 3 each query of
its own has one. The answer names the queries, some twice and some empty: those count for nothing.
"""

from __future__ import annotations

from typing import Any, Final

_QUERIES_MAX: Final = 1_000  # more in one answer is no search; the set stays bounded
_BILLED_BY_PROMPT: Final = ("gemini-1.", "gemini-2.")


class Searches:
    """Fed with the candidates of one answer, whole or in chunks."""

    __slots__ = ("_has_maps", "_queries")

    def __init__(self) -> None:
        self._queries: set[str] = set()
        self._has_maps = False

    def observe(self, candidate: dict[str, Any]) -> None:
        grounding = candidate.get("groundingMetadata")
        if type(grounding) is dict:
            self._take(grounding.get("webSearchQueries"))
            chunks = grounding.get("groundingChunks")
            if type(chunks) is list and any(type(chunk) is dict and "maps" in chunk for chunk in chunks):
                self._has_maps = True

    def observe_part(self, part: dict[str, Any]) -> None:
        """A search is also told as a call in the answer, and then not always as grounding."""
        call = part.get("toolCall")
        if type(call) is dict and str(call.get("toolType")).startswith("GOOGLE_SEARCH"):
            arguments = call.get("args")
            if type(arguments) is dict:
                self._take(arguments.get("queries"))

    def billed(self, model: str) -> int:
        """`model` as the answer names it."""
        by_prompt = any(generation in model for generation in _BILLED_BY_PROMPT)
        return (min(1, len(self._queries)) if by_prompt else len(self._queries)) + self._has_maps

    def _take(self, queries: Any) -> None:
        if type(queries) is not list:
            return
        for query in queries:
            if type(query) is str and query and len(self._queries) < _QUERIES_MAX:
                self._queries.add(query)
