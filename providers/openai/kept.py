"""What a chat of OpenAI's dialect names that the vendor keeps for our account. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.kept import Kept, not_offered, objects

_ANSWER: Final = Kept(
    "a former answer",
    "이전 응답",
    "send the whole conversation, or use /v1/responses",
    "전체 대화를 담거나 /v1/responses를 사용해 주세요",
)
_SOUND: Final = Kept(
    "the sound of a former answer", "이전 응답의 음성", "send its transcript", "대본을 담아 주세요"
)
_CACHE: Final = Kept("a cache", "캐시")
_FORMER: Final = ("conversation", "previous_response_id")
_BESIDE: Final = ("extra_body", "google")  # where Google's endpoint of this dialect has its own fields


def refuse_what_is_kept(body: dict[str, Any]) -> None:
    """Raises BadRequest."""
    for field in _FORMER:
        if body.get(field):
            raise not_offered(field, _ANSWER)
    messages = body.get("messages")
    for message in messages if type(messages) is list else ():
        sound = message.get("audio") if type(message) is dict else None
        if type(sound) is dict and sound.get("id"):
            raise not_offered("messages", _SOUND)
    for field in _BESIDE:
        if any(said.get("cached_content") for said in objects(body.get(field), but=frozenset())):
            raise not_offered(field, _CACHE)
    if body.get("cached_content"):
        raise not_offered("cached_content", _CACHE)
