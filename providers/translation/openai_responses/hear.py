"""A Responses request -> Conversation. Pure.

What relies on something stored is refused: nothing of a translated answer is kept, neither here nor with the
vendor (docs/decisions/0027).
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import BadRequest, RequestFacts, bad, flag_or_none, not_followed, number, text
from providers.translation.neutral import (
    AnswerShape,
    Conversation,
    Effort,
    Text,
    inexpressible,
    known_only,
)
from providers.translation.openai_responses.items import Items
from providers.translation.openai_responses.tools import Tools

# Said of the call, not of the answer: another vendor has no use for it, and answers alike without it.
HINTS: Final = frozenset(
    {
        "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "safety_identifier", "stream_options",
    }
)  # fmt: skip
# Fields that say nothing with these values, and cannot be said with others.
_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    # A seal to send thoughts back in: there is none, as of models that do not think, and such callers always ask.
    "include": ([], ["reasoning.encrypted_content"]),
    "service_tier": ("auto", "default"),
    "top_logprobs": (0,),
    "truncation": ("disabled",),
}
_HEARD: Final = frozenset(
    {
        "model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls", "text",
        "reasoning", "max_output_tokens", "temperature", "top_p", "user",
    }
)  # fmt: skip
_NEVER_KEPT: Final = ("store", "background")
_KNOWN: Final = _HEARD | HINTS | frozenset(_NEVER_KEPT) | {"previous_response_id"}
_TEXT: Final = frozenset({"format"})
_TEXT_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"verbosity": ("medium",)}
_PLAIN_FORMAT: Final = frozenset({"type"})
_SCHEMA_FORMAT: Final = frozenset({"type", "name", "description", "schema", "strict"})
# Where thoughts are told is the answer's matter (`repeats.py`).
_REASONING: Final = frozenset({"effort", "summary", "generate_summary"})
_REASONING_SAYS_NOTHING: Final[dict[str, tuple[Any, ...]]] = {"context": ("auto",), "mode": ("standard",)}
_SUMMARIES: Final = (None, "auto", "concise", "detailed")
_EFFORTS: Final[dict[str, Effort]] = {
    "none": "none", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high",
}  # fmt: skip


def hear(body: dict[str, Any], facts: RequestFacts, vendor_dialect: str) -> Conversation:
    _refuse_what_is_kept(facts)
    known_only(body, _KNOWN, vendor_dialect, says_nothing=_SAYS_NOTHING)
    instructions = text(body, "instructions")
    system, turns = Items(vendor_dialect).read(body.get("input"))
    tools, choice = Tools(vendor_dialect).read(body)
    return Conversation(
        system=system if instructions is None else (Text(instructions), *system),
        turns=turns,
        tools=tools,
        tool_choice=choice,
        shape=_shape(body.get("text"), vendor_dialect),
        output_limit=facts.output_limit,
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        effort=_effort(body.get("reasoning"), vendor_dialect),
        user=text(body, "user"),
    )


def _refuse_what_is_kept(facts: RequestFacts) -> None:
    if facts.follows is not None:
        raise not_followed()
    if facts.background or facts.stores:
        name = "background" if facts.background else "store"
        raise BadRequest(
            f"`{name}` cannot be true with this product, whose answers are not kept; leave it out.",
            f"`{name}`: 이 상품의 응답은 보관되지 않으므로 true로 지정할 수 없습니다. 빼고 호출해 주세요.",
            name,
        )


def _shape(said: Any, vendor_dialect: str) -> AnswerShape | None:
    if said is None:
        return None
    if type(said) is not dict:
        raise bad("text", "must be an object", "객체여야 합니다")
    known_only(said, _TEXT, vendor_dialect, says_nothing=_TEXT_SAYS_NOTHING, where="text.")
    given, where = said.get("format"), "text.format"
    if given is None:
        return None
    kind = given.get("type") if type(given) is dict else None
    if kind not in ("text", "json_object", "json_schema"):
        raise bad(
            where,
            "must be text, json_object or json_schema",
            "text, json_object, json_schema 중 하나여야 합니다",
        )
    known = _SCHEMA_FORMAT if kind == "json_schema" else _PLAIN_FORMAT
    known_only(given, known, vendor_dialect, where=f"{where}.")
    if kind == "text":
        return None
    return AnswerShape() if kind == "json_object" else _schema(given, f"{where}.")


def _schema(given: dict[str, Any], where: str) -> AnswerShape:
    schema = given.get("schema")
    if type(schema) is not dict:
        raise bad(f"{where}schema", "must be a JSON schema", "JSON 스키마여야 합니다")
    name, description = text(given, "name", where), text(given, "description", where)
    if description is not None:  # other dialects have a schema alone, which has a place for it
        inner = text(schema, "description", f"{where}schema.")
        schema = {**schema, "description": f"{description}\n{inner}" if inner else description}
    strict = flag_or_none(given, "strict", where)
    return AnswerShape(schema=schema, name="answer" if name is None else name, strict=strict)


def _effort(said: Any, vendor_dialect: str) -> Effort | None:
    if said is None:
        return None
    where = "reasoning."
    if type(said) is not dict:
        raise bad("reasoning", "must be an object", "객체여야 합니다")
    known_only(said, _REASONING, vendor_dialect, says_nothing=_REASONING_SAYS_NOTHING, where=where)
    for name in ("summary", "generate_summary"):
        if said.get(name) not in _SUMMARIES:
            raise inexpressible(where + name, vendor_dialect)
    effort = said.get("effort")
    if effort is None:
        return None
    if type(effort) is not str or effort not in _EFFORTS:
        raise inexpressible(f"{where}effort", vendor_dialect)
    return _EFFORTS[effort]
