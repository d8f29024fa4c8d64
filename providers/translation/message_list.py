"""What reading a list of messages has alike in the dialects that keep calls beside their texts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers.facts import BadRequest
from providers.translation.neutral import Part, Role, Text, ToolResult, Turn, inexpressible, known_only

Turns = list[tuple[Role, list[Part]]]  # lists: one turn may hold very many results

_CALL: Final = frozenset({"id", "type", "function"})
# Of a call in a stream, sent back.
_CALL_SAYS_NOTHING: Final[Mapping[str, tuple[Any, ...]]] = {"index": tuple(range(128))}
_CALLED: Final = frozenset({"name", "arguments"})


def add_result(turns: Turns, result: ToolResult) -> None:
    """Results of one turn stay together."""
    last = turns[-1] if turns else None
    if last is not None and last[0] == "user" and last[1] and type(last[1][-1]) is ToolResult:
        last[1].append(result)
    else:
        turns.append(("user", [result]))


class MessageList:
    """Of one request, as far as it was read."""

    def __init__(self, vendor_dialect: str) -> None:
        self._vendor_dialect = vendor_dialect
        self._system: list[Text] = []
        self._turns: Turns = []
        self._names: dict[str, str] = {}  # of the tools that were called, by the call's id

    def _heard(self) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
        return tuple(self._system), tuple(Turn(role, tuple(parts)) for role, parts in self._turns)

    def _function_of(self, call: Any, where: str) -> dict[str, Any]:
        """The function of a tool call; its name is a text."""
        function = call.get("function") if type(call) is dict else None
        if type(function) is not dict or type(function.get("name")) is not str:
            raise self._cannot(where)
        if call.get("type") not in (None, "function"):
            raise self._cannot(f"{where}.type")
        known_only(call, _CALL, self._vendor_dialect, says_nothing=_CALL_SAYS_NOTHING, where=f"{where}.")
        self._known_only(function, _CALLED, f"{where}.function")
        return function

    def _known_only(self, said: dict[str, Any], known: frozenset[str], where: str) -> None:
        known_only(said, known, self._vendor_dialect, where=f"{where}.")

    def _cannot(self, where: str) -> BadRequest:
        return inexpressible(where, self._vendor_dialect)
