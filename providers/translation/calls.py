"""Tool calls in a vendor's answer, `{"id", "function": {"name", "arguments"}}` -> ToolCall. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.json_depth import written_if_shallow
from providers.translation.neutral import ToolCall

_ID_LENGTH_MAX: Final = 24  # some dialects take ids of forty letters at most


def calls_of(listed: Any) -> list[ToolCall]:
    calls = [_call(call) for call in listed] if type(listed) is list else []
    return [call for call in calls if call is not None]


def arguments_text(arguments: Any) -> str | None:
    """Of some vendors they are a text, of others an object. None: nested deeper than can be written."""
    if type(arguments) is str:
        return arguments or "{}"
    written = written_if_shallow(arguments or {})
    return None if written is None else written.decode()


def _call(call: Any) -> ToolCall | None:
    """Where the arguments cannot be written there is no call: one without them would be another."""
    function = call.get("function") if type(call) is dict else None
    if type(function) is not dict:
        return None
    call_id, name, arguments = call.get("id"), function.get("name"), arguments_text(function.get("arguments"))
    if arguments is None:
        return None
    return ToolCall(
        call_id=call_id if type(call_id) is str else "",
        name=name if type(name) is str else "",
        arguments=arguments,
    )


class CallIds:
    """Makes the ids that a vendor leaves out: unlike those of any other answer, where this has a name."""

    def __init__(self) -> None:
        self._calls = 0

    def of(self, call_id: Any, answer_name: Any) -> str:
        """Of the next call."""
        self._calls += 1
        if type(call_id) is str and call_id:
            return call_id
        end = answer_name[-_ID_LENGTH_MAX:] if type(answer_name) is str else ""
        letters = "".join(letter for letter in end if letter.isascii() and letter.isalnum())
        return f"call_{letters}_{self._calls}" if letters else f"call_{self._calls}"
