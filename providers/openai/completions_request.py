"""A request to the old text completions as the meter and the router see it. Pure.

One request may hold many prompts. Each is answered `n` times, chosen out of `best_of`, and all that was made
is billed: so the bounds are multiplied by both.
"""

from __future__ import annotations

from typing import Any, Final

from providers.facts import RequestFacts, Spoken, bad, flag, model_of, tokens_limit
from providers.openai.kept import refuse_what_is_kept
from providers.openai.request import REACHING_OUT, choices, wants_usage
from providers.service_tiers import asked_tier

COMPLETION_LIMIT_FIELD: Final = "max_tokens"


def read_completion_request(body: dict[str, Any], body_bytes: int, _: Spoken) -> RequestFacts:
    model = model_of(body)
    prompts = _prompts(body.get("prompt"))
    refuse_what_is_kept(body)
    return RequestFacts(
        purpose="completion",
        model=model,
        body_bytes=body_bytes,
        stream=flag(body, "stream"),
        include_usage=wants_usage(body),
        n=max(choices(body, "n"), choices(body, "best_of")) * prompts,
        output_limit=_output_limit(body),
        takes_whole_context=any(body.get(field) is not None for field in REACHING_OUT),
        inputs=prompts,
        service_tier=asked_tier(body.get("service_tier")),
    )


def _prompts(prompt: Any) -> int:
    """How many: a text, tokens, or a list of either."""
    if type(prompt) is str:
        return 1
    if type(prompt) is list and prompt:
        kind = type(prompt[0])
        if all(type(item) is kind for item in prompt):
            if kind is int:
                return 1
            if kind is str or (kind is list and all(_is_tokens(item) for item in prompt)):
                return len(prompt)
    raise bad(
        "prompt",
        "must be a text, a list of texts, tokens or a list of tokens",
        "텍스트, 텍스트 목록, 토큰 또는 토큰 목록이어야 합니다",
    )


def _is_tokens(item: list[Any]) -> bool:
    return bool(item) and all(type(token) is int for token in item)


def _output_limit(body: dict[str, Any]) -> int | None:
    """None where the caller named none: vendors then stop early (OpenAI after 16 tokens), but need not."""
    if type(body.get(COMPLETION_LIMIT_FIELD)) is int and body[COMPLETION_LIMIT_FIELD] == 0:
        return 1  # with `echo`: only the prompt's log probabilities are wanted
    return tokens_limit(body, COMPLETION_LIMIT_FIELD)
