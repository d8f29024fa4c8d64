"""Pictures: the request as the meter sees it, and the answer's pictures counted. Pure.

Vendors bill a picture by the piece, or its tokens, or both: the product's prices say which. Pictures are
counted where they stand, in `data`; tokens are the vendor's own count, where it reports one, and else an
estimate: what OpenAI documents for their size and quality, or all that the product's limit allows.
"""

from __future__ import annotations

from typing import Any, Final

from providers.bounds import ESTIMATE_BYTES_PER_TOKEN
from providers.dialect import Answer
from providers.errors import unreadable
from providers.facts import IN_BODY, RequestFacts, Spoken, bad, flag, model_of
from providers.json_depth import written
from providers.openai.answer import read_answer_object
from providers.openai.kept import refuse_files
from providers.openai.request import choices
from providers.quirks import Quirks
from providers.service_tiers import asked_tier

# By these some vendors are asked for several at once: a count that is not read here would not be held.
_COUNTS: Final = (
    "batch_size",
    "max_images",
    "num_images",
    "num_images_per_prompt",
    "num_outputs",
    "numberOfImages",
    "num_samples",
    "number_of_images",
    "sampleCount",
    "sample_count",
    "samples",
    "sequential_image_generation",
    "sequential_image_generation_options",
)
# Output tokens of a picture as OpenAI documents them: (of a square, of the two oblong formats).
# platform.openai.com/docs/guides/image-generation, "Cost and latency".
_TOKENS: Final = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
# By these some vendors take a picture as a pattern: what they name is not in the body.
_PATTERNS: Final = ("image", "images", "image_url", "input_image", "mask", "reference_images")


def read_images_request(body: dict[str, Any], body_bytes: int, _: Spoken = IN_BODY) -> RequestFacts:
    model = model_of(body)
    prompt = body.get("prompt")
    if type(prompt) is not str or not prompt:
        raise bad("prompt", "must be a text", "텍스트여야 합니다")
    if flag(body, "stream"):
        raise bad("stream", "is not offered for images; leave it out", "이미지에서는 지원하지 않습니다")
    for name in _COUNTS:
        if body.get(name) is not None:
            raise bad(name, "is called `n` here", "n을 사용해 주세요")
    refuse_files(body, _PATTERNS)
    n = choices(body, "n")
    return RequestFacts(
        purpose="image",
        model=model,
        body_bytes=body_bytes,
        n=n,
        images=n,
        picture_tokens=_tokens(body),
        service_tier=asked_tier(body.get("service_tier")),
        takes_whole_context=any(body.get(name) is not None for name in _PATTERNS),
    )


def encode_images(
    body: dict[str, Any],
    *,
    facts: RequestFacts,
    upstream_model: str,
    stream: bool,
    output_limit: int | None,
    quirks: Quirks,
) -> bytes:
    return written({**body, "model": upstream_model})


def read_images(body: bytes, *, kind: str, facts: RequestFacts, product_id: str, quirks: Quirks) -> Answer:
    found, answer = read_answer_object(body, product_id=product_id, quirks=quirks)
    if found.error is not None or answer is None:
        return found
    data = answer.get("data")
    if type(data) is not list:
        error = unreadable("The vendor's answer has no images.")
        return Answer(usage=found.usage, body=body, error=error)
    images = sum(type(item) is dict or (type(item) is str and item != "") for item in data)
    tokens = images * (_tokens(answer) or facts.picture_tokens)
    return Answer(
        usage=found.usage,
        body=found.body,
        upstream_id=found.upstream_id,
        units={"images": images},
        text_bytes=tokens * ESTIMATE_BYTES_PER_TOKEN,
    )


def _tokens(said: dict[str, Any]) -> int:
    """Of one picture, by what a request or an answer says of it; 0 where that is not enough to know."""
    quality, size = said.get("quality"), said.get("size")
    if type(quality) is not str or type(size) is not str:
        return 0
    return _TOKENS.get(quality, {}).get(size, 0)
