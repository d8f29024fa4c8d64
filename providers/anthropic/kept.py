"""What a request of Anthropic's dialect names that the vendor keeps for our account. Pure."""

from __future__ import annotations

from typing import Any, Final

from providers.kept import FILE, Kept, not_offered, objects, own_id, renamed

# What a model says to a tool: its fields may be called anything.
_SAID_TO_TOOLS: Final = frozenset({"input"})
_CONTAINER: Final = Kept(
    "a container or a skill",
    "컨테이너 또는 스킬",
    "let the vendor make a container, with skills of the vendor's own",
    "컨테이너를 새로 만들게 하고 공급사 자체 스킬만 지정해 주세요",
)
_THREAD: Final = Kept(
    "a conversation", "대화", "send all of it in `messages`", "전체 대화를 `messages`에 담아 주세요"
)
_MESSAGE: Final = Kept("a former message", "이전 메시지", "leave out its id", "해당 id를 빼고 보내 주세요")


def refuse_what_is_kept(body: dict[str, Any]) -> None:
    """Raises BadRequest."""
    if _names_a_container(body.get("container")):
        raise not_offered("container", _CONTAINER)
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


def _names_a_container(container: Any) -> bool:
    """One that the vendor makes for this call has skills of the vendor's at most."""
    if type(container) is not dict:
        return bool(container)
    skills = container.get("skills") or []
    if container.get("id") or type(skills) is not list:
        return True
    return not all(type(skill) is dict and skill.get("type") == "anthropic" for skill in skills)
