"""Who calls in the chaos, what they may spend, and what things cost: for clients and checker alike.

rich       more money than the run can spend, no limits
bounded    the same with limits on its key: calls at once, requests and tokens in a minute
scarce-N   enough for about eighty calls: used up one after the other, so that at every time some voucher
           is near its end and calls compete for the last of it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.history import Voucher
from tests.fakes.house import Declaration
from tests.journeys.declarations import (
    CACHED_WON,
    EMBED_WON,
    INPUT_WON,
    OUTPUT_WON,
    SHARE_PPM,
    api_key,
    chat_product,
    company,
    declaration,
    embed_product,
    upstream,
    voucher,
)

MICRO: Final = 1_000_000
CHAT, EMBED = "nuri-x1", "nuri-embed"
INPUT_OVERHEAD_TOKENS: Final = 512
RICH: Final = ("gaonde", "daon")
BOUNDED: Final = "nara"
BOUNDS: Final = {"concurrent": 6, "requests_per_minute": 900, "tokens_per_minute": 2_000_000}
RICH_WON: Final = (7_500_000, 2_500_000)
SCARCE_WON: Final = (30, 10)


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-won per token: won per million tokens are just that."""

    input: int
    cached: int
    output: int

    def of(self, *, prompt: int, cached: int, completion: int) -> int:
        return (prompt - cached) * self.input + cached * self.cached + completion * self.output


PRICES: Final = {CHAT: Price(INPUT_WON, CACHED_WON, OUTPUT_WON), EMBED: Price(EMBED_WON, EMBED_WON, 0)}


def scarce(number: int) -> str:
    return f"scarce-{number:03d}"


def companies(scarce_count: int) -> tuple[str, ...]:
    return (*RICH, BOUNDED, *(scarce(number) for number in range(scarce_count)))


def least_micro(product: str, body_bytes: int) -> int:
    """The input bound (a byte of the body is at most a token, and what vendors add) and one output token."""
    price = PRICES[product]
    return (body_bytes + INPUT_OVERHEAD_TOKENS) * price.input + price.output


def declared(base_url: str, scarce_count: int) -> Declaration:
    names = companies(scarce_count)
    return declaration(
        products=[
            chat_product(
                CHAT,
                upstream(base_url, first_byte_timeout_s=8, idle_timeout_s=8, connect_timeout_s=2),
                input_overhead_tokens=INPUT_OVERHEAD_TOKENS,
            ),
            embed_product(EMBED, upstream(base_url, first_byte_timeout_s=8)),
        ],
        companies=[company(name) for name in names],
        vouchers=[voucher(name, **_money(name)) for name in names],
        api_keys=[api_key(name, limits=BOUNDS) if name == BOUNDED else api_key(name) for name in names],
    )


def vouchers(scarce_count: int) -> tuple[Voucher, ...]:
    """The same money, as the checker takes it."""
    made = []
    for name in companies(scarce_count):
        money = _money(name)
        made.append(
            Voucher(
                voucher=f"{name}-v",
                company=name,
                government_micro=money["government"] * MICRO,
                self_micro=money["own"] * MICRO,
                share_ppm=SHARE_PPM,
            )
        )
    return tuple(made)


def _money(name: str) -> dict[str, Any]:
    government, own = SCARCE_WON if name.startswith("scarce-") else RICH_WON
    return {"government": government, "own": own}
