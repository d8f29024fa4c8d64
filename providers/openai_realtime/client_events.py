"""What a client says in a session -> what the vendor is told, or BadRequest. Pure.

An event is written anew from what was read of it, so that nobody reads it otherwise than we did (a field that
stands there twice). Refused by name is what would cost money that nobody counts here (a second model that
writes down what it hears, tools with a price of their own) and what is kept in the vendor's account, which is
one for all companies. All else passes, also events that nobody here knows.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from providers.facts import BadRequest, bad
from providers.json_depth import text_bytes, written
from providers.openai.kept import refuse_own_voice
from providers.openai_realtime.delivered import sound_bytes

EVENT_ID_CHARACTERS_MAX: Final = 512

# No response can begin by these. Whatever else comes may have that effect, also what is unknown.
_HARMLESS: Final = frozenset(
    {
        "session.update",
        "conversation.item.create",
        "conversation.item.truncate",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "response.cancel",
    }
)
_FREE_TOOLS: Final = frozenset({"function", "mcp"})  # beyond the tokens of the response that uses them
_LIMITS: Final = ("max_output_tokens", "max_response_output_tokens")


class ClientEvent(msgspec.Struct, frozen=True):
    kind: str
    event_id: str | None
    body: dict[str, Any]
    text_bytes: int = 0  # of what it adds to the conversation
    audio_bytes: int = 0

    @property
    def may_begin(self) -> bool:
        """Can a response begin by it?"""
        return self.kind not in _HARMLESS

    @property
    def asks(self) -> bool:
        """A response is asked for."""
        return self.kind == "response.create"

    def written(self) -> str:
        """Raises BadRequest."""
        return written(self.body).decode()


class BadEvent(Exception):
    """Not passed on. `event_id` is the client's own name of the event."""

    def __init__(self, reason: BadRequest, event_id: str | None) -> None:
        super().__init__(reason.message_en)
        self.reason = reason
        self.event_id = event_id


def read_client_event(text: str, *, product_id: str, output_tokens_max: int) -> ClientEvent:
    """Raises BadEvent."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    if type(body) is not dict:
        raise BadEvent(BadRequest("Send one JSON object.", "JSON 객체 하나를 보내 주세요."), None)
    event_id = body.get("event_id")
    if type(event_id) is not str or len(event_id) > EVENT_ID_CHARACTERS_MAX:
        event_id = None
    try:
        return _read(body, event_id, product_id, output_tokens_max)
    except BadRequest as reason:
        raise BadEvent(reason, event_id) from None


def _read(body: dict[str, Any], event_id: str | None, product_id: str, limit: int) -> ClientEvent:
    kind = body.get("type")
    if type(kind) is not str:
        raise bad("type", "must name an event", "이벤트 이름이어야 합니다")
    if kind.startswith("transcription_session."):
        raise bad(
            "type", "names a transcription session, which is not served", "전사 세션은 지원하지 않습니다"
        )
    text = sound = 0
    if kind == "session.update":
        session = _object(body, "session")
        _check_session(session, product_id)
        _lower(session, limit)
        text = text_bytes(session)
    elif kind == "response.create":
        response = _object(body, "response")
        _check_shared(response, "response", product_id)
        _lower(response, limit)
        text = text_bytes(response.get("input"))
    elif kind == "input_audio_buffer.append":
        audio = body.get("audio")
        sound = sound_bytes(audio) if type(audio) is str else 0
    elif kind == "conversation.item.create":
        sound, text = _item(body.get("item"))
    return ClientEvent(kind, event_id, body, text, sound)


def _check_session(session: dict[str, Any], product_id: str) -> None:
    if session.get("type", "realtime") != "realtime":
        raise bad("session.type", "must be realtime", "realtime이어야 합니다")
    audio = session.get("audio")
    heard = audio.get("input") if type(audio) is dict else None
    if type(heard) is dict and heard.get("transcription") is not None:
        raise _transcription("session.audio.input.transcription")
    if session.get("input_audio_transcription") is not None:
        raise _transcription("session.input_audio_transcription")
    if session.get("tracing") is not None:
        raise bad("session.tracing", "is not offered: nothing is kept with the vendor", "지원하지 않습니다")
    _check_shared(session, "session", product_id)


def _transcription(name: str) -> BadRequest:
    return bad(
        name,
        "is another model's work, which is not metered here; leave it out",
        "다른 모델의 작업이라 여기서 계량되지 않습니다. 빼고 보내 주세요",
    )


def _check_shared(settings: dict[str, Any], where: str, product_id: str) -> None:
    """What a session and a single response both may say."""
    model = settings.pop("model", None)  # the vendor was told its own name when the session began
    if model is not None and model != product_id:
        raise bad(f"{where}.model", "cannot change within a session", "세션 중에는 바꿀 수 없습니다")
    if settings.get("prompt") is not None:
        raise bad(
            f"{where}.prompt",
            "names what a vendor keeps; send the text",
            "저장된 프롬프트 대신 본문을 보내 주세요",
        )
    audio = settings.get("audio")
    refuse_own_voice(settings, f"{where}.voice")
    refuse_own_voice(audio.get("output") if type(audio) is dict else None, f"{where}.audio.output.voice")
    tools = settings.get("tools")
    if tools is None:
        return
    kinds = (
        [tool.get("type") if type(tool) is dict else None for tool in tools]
        if type(tools) is list
        else [None]
    )
    if not all(type(kind) is str and kind in _FREE_TOOLS for kind in kinds):
        raise bad(
            f"{where}.tools", "may hold functions and MCP servers only", "function과 mcp만 쓸 수 있습니다"
        )


def _lower(settings: dict[str, Any], limit: int) -> None:
    """A limit above the product's is no wish to pay more: the hold is made for the product's.

    So is what is no number (`"inf"`, and null, which some read as that). Where none is said, the session's
    counts: `limiting` has set it.
    """
    for name in _LIMITS:
        if name in settings:
            value = settings[name]
            if type(value) not in (int, float) or value > limit:
                settings[name] = limit


def limiting(event_id: str, output_tokens_max: int, *, is_beta: bool) -> str:
    """The first event of a session: without it, responses have the vendor's own limit, which is no bound."""
    session: dict[str, Any] = (
        {"max_response_output_tokens": output_tokens_max}
        if is_beta
        else {"type": "realtime", "max_output_tokens": output_tokens_max}
    )
    return orjson.dumps({"type": "session.update", "event_id": event_id, "session": session}).decode()


def _item(item: Any) -> tuple[int, int]:
    """(bytes of sound, bytes of text)."""
    content = item.get("content") if type(item) is dict else None
    if type(content) is not list:
        return 0, text_bytes(item)
    sound = text = 0
    for part in content:
        audio = part.get("audio") if type(part) is dict else None
        if type(audio) is str:
            sound += sound_bytes(audio)
        else:
            text += text_bytes(part.get("text") if type(part) is dict else None)
    return sound, text


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings an event carries; none at all are empty ones, not written into the event."""
    value = body.get(name)
    if value is None:
        return {}
    if type(value) is not dict:
        raise bad(name, "must be an object", "객체여야 합니다")
    return value


__all__ = ["BadEvent", "ClientEvent", "limiting", "read_client_event"]
