"""How much one request can cost at most, in tokens; and the rate of estimates. Pure.

The input bound (design, section 4) rests on one fact: a byte-level token is at least one byte of text, so the
body is an upper bound of what it says. It is none of what it points to: such requests take the whole context.
Vendors render tools and parts with templates of their own, so each gets a little more.
"""

from __future__ import annotations

from typing import Final

from providers.facts import RequestFacts
from providers.quirks import NO_QUIRKS, Quirks

PART_OVERHEAD_TOKENS: Final = 64
PURPOSES_WITHOUT_OUTPUT: Final = frozenset({"embedding", "rerank"})
# Not a bound: what text usually takes, where nobody counted (docs/decisions/0006).
ESTIMATE_BYTES_PER_TOKEN: Final = 4


def input_tokens_max(facts: RequestFacts, *, context_tokens: int, input_overhead_tokens: int) -> int:
    if facts.is_free:
        return 0
    context_tokens *= facts.inputs
    if facts.takes_whole_context:
        return context_tokens
    bound = (
        facts.body_bytes
        + input_overhead_tokens
        + facts.parts * PART_OVERHEAD_TOKENS
        + facts.image_allowance_tokens
        + facts.repeated_bytes
    )
    return min(context_tokens, bound)


def output_tokens_max(
    facts: RequestFacts, *, product_max_output_tokens: int, quirks: Quirks = NO_QUIRKS
) -> int:
    """Of the whole call. A limit above the product's is no wish to pay more: the vendor cannot give it."""
    if facts.purpose in PURPOSES_WITHOUT_OUTPUT or facts.is_free:
        return 0
    per_choice = product_max_output_tokens
    if facts.output_limit is not None and not quirks.limit_leaves_reasoning:
        per_choice = min(facts.output_limit, product_max_output_tokens)
    return per_choice * facts.n
