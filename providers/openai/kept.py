"""What a request of OpenAI's dialect names that the vendor keeps for our account, files aside. Pure.

Files are looked up (`openai_files/named.py`). A sound of a former answer and a voice of somebody's own are
good for every company behind our account, and no route here gives a company the id of one.
"""

from __future__ import annotations

from typing import Any, Final

from providers.kept import FILE, Kept, not_offered, objects

_SOUND: Final = Kept(
    "the sound of a former answer",
    "이전 응답의 음성",
    "send what it says as `content`",
    "음성의 내용을 `content`에 직접 담아 주세요",
)
_CONVERSATION: Final = Kept(
    "a conversation", "대화", "send all of it in `messages`", "전체 대화를 `messages`에 담아 주세요"
)
_CACHE: Final = Kept("a cache", "캐시")
_VOICE: Final = Kept(
    "a voice", "음성 모델", "name one that all of its callers have", "공급사의 기본 음성을 지정해 주세요"
)


def refuse_what_is_kept(body: dict[str, Any]) -> None:
    """Of a chat or an old completion. Raises BadRequest."""
    for name in ("conversation", "previous_response_id"):
        if body.get(name) is not None:
            raise not_offered(name, _CONVERSATION)
    refuse_own_voice(body.get("audio"), "audio")
    messages = body.get("messages")
    for message in messages if type(messages) is list else ():
        audio = message.get("audio") if type(message) is dict else None
        if type(audio) is dict and audio.get("id") is not None:
            raise not_offered("messages", _SOUND)
    _refuse_caches(body)


def _refuse_caches(body: dict[str, Any]) -> None:
    """Google's endpoint of this dialect has fields of its own."""
    if body.get("cached_content"):
        raise not_offered("cached_content", _CACHE)
    for field in ("extra_body", "google"):
        if any(said.get("cached_content") for said in objects(body.get(field), but=frozenset())):
            raise not_offered(field, _CACHE)


def refuse_own_voice(said: Any, param: str) -> None:
    """Of what has a `voice`: one of the vendor's is a text. Raises BadRequest."""
    voice = said.get("voice") if type(said) is dict else None
    if voice is not None and type(voice) is not str:
        raise not_offered(param, _VOICE)


def refuse_files(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Raises BadRequest."""
    for name in names:
        if any(said.get("file_id") is not None for said in objects(body.get(name), but=frozenset())):
            raise not_offered(name, FILE)
