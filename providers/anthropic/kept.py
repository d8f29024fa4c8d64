"""What a request of Anthropic's dialect names that the vendor keeps for our account. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.facts import bad
from providers.kept import FILE, Kept, not_offered, objects, own_id, renamed

# What a model says to a tool: its fields may be called anything.
_SAID_TO_TOOLS: Final = frozenset({"input"})
_SKILL: Final = Kept("a skill", "스킬", "name skills of the vendor's own", "공급사 자체 스킬만 지정해 주세요")
_THREAD: Final = Kept(
    "a conversation", "대화", "send all of it in `messages`", "전체 대화를 `messages`에 담아 주세요"
)
_MESSAGE: Final = Kept("a former message", "이전 메시지", "leave out its id", "해당 id를 빼고 보내 주세요")


def refuse_what_is_kept(body: dict[str, Any]) -> None:
    """Raises BadRequest. A container is looked up instead, as answers and files are."""
    container = body.get("container")
    if type(container) is dict and not _are_the_vendors(container.get("skills")):
        raise not_offered("container", _SKILL)
    if body.get("thread"):  # the vendor would hold the conversation under the answer's id, which is not bound
        raise not_offered("thread", _THREAD)
    diagnostics = body.get("diagnostics")
    if type(diagnostics) is dict and diagnostics.get("previous_message_id"):
        raise not_offered("diagnostics", _MESSAGE)
    for field in ("messages", "system"):
        for said in objects(body.get(field), but=_SAID_TO_TOOLS):
            if said.get("type") in ("file", "container_upload"):
                raise not_offered(field, FILE)


def without_files(body: dict[str, Any]) -> dict[str, Any]:
    """Files that the vendor's tools made in former turns are told of, and nothing is named."""
    told = body.get("messages")
    turns = renamed(told, "file_id", own_id, but=_SAID_TO_TOOLS)
    return body if turns is told else {**body, "messages": turns}


def container_named(body: dict[str, Any]) -> str | None:
    """The container that a request goes on in. Raises BadRequest."""
    container = body.get("container")
    name = container.get("id") if type(container) is dict else container
    if name and type(name) is not str:
        raise bad("container", "must be named by its id", "id로 지정해 주세요")
    return name or None


def container_of(said: dict[str, Any]) -> str | None:
    """The container that an answer tells of."""
    container = said.get("container")
    name = container.get("id") if type(container) is dict else None
    return name if type(name) is str and name else None


def _are_the_vendors(skills: Any) -> bool:
    if not skills:
        return True
    return type(skills) is list and all(
        type(skill) is dict and skill.get("type") == "anthropic" for skill in skills
    )
