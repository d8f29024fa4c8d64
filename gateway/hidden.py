"""Products that bill output which their answers do not show, as reasoning out of sight. Pure.

A hold that grows with what is seen would never notice such output. Whether a product hides some is seen when
a call ends: the vendor counted far more than was delivered. From then on its calls are held to their ceiling
in this process, or asked of the vendor with a lower limit. The first one is found out too late; what it cost
beyond its hold has its place all the same.
"""

from __future__ import annotations

from typing import Final

SLACK_TOKENS: Final = 64  # the estimate of what was delivered may be that wrong, or wrong by half


class HiddenOutput:
    def __init__(self) -> None:
        self._products: set[str] = set()

    def learn(self, product_id: str, *, billed_tokens: int, seen_tokens: int) -> None:
        if billed_tokens - seen_tokens > max(SLACK_TOKENS, seen_tokens):
            self._products.add(product_id)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._products
