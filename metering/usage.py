"""Usage: what one call consumed, by token class and by unit.

The token classes do not overlap, but for `reasoning`, which is a part of `output`:

    input          billed at the plain input price: not read from a cache, not written to one, not audio
    cached_input   read from a cache
    cache_write    written to a cache for the short time the vendor offers
    cache_write_1h written to a cache for an hour
    input_audio    audio in
    output         text out, reasoning included
    output_audio   audio out
    reasoning      the part of `output` the caller may not see

A vendor that never reported usage has no Usage at all (None); a vendor that reported zero has zeros.

`others` is what the vendor bills for the same call at another model's prices. It is in none of the classes:
the product's prices are not its prices. `service_tier` is the vendor's word for how it served the call.
"""

from __future__ import annotations

from typing import Final

import msgspec

TOKEN_CLASSES: Final = (
    "input",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "output",
    "reasoning",
    "input_audio",
    "output_audio",
)
UNITS: Final = (
    "images",
    "seconds",
    "characters",
    "searches",
)  # and `requests`, where one charge is for many: a batch

# A call that is served as any: what vendors call "default", "standard" or "on demand".
STANDARD_TIER: Final = "default"

# No vendor bills a call of a trillion tokens; a larger count is a fault of the vendor, cut here so that no
# product of price and count can pass what the purse compares exactly.
TOKENS_MAX: Final = 10**12


class OtherUsage(msgspec.Struct, frozen=True):
    """What another model took part with."""

    model: str
    kind: str  # the vendor's word for it
    usage: Usage


class Usage(msgspec.Struct, frozen=True):
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    units: dict[str, int] = {}
    others: tuple[OtherUsage, ...] = ()
    service_tier: str | None = None  # None: the vendor does not say; STANDARD_TIER: as any call

    @property
    def input_total(self) -> int:
        return self.input + self.cached_input + self.cache_write + self.cache_write_1h + self.input_audio

    @property
    def output_total(self) -> int:
        return self.output + self.output_audio

    def input_alone(self) -> Usage:
        return msgspec.structs.replace(self, output=0, output_audio=0, reasoning=0)

    @property
    def is_zero(self) -> bool:
        return not (self.input_total or self.output_total or any(self.units.values()))

    def tokens(self) -> dict[str, int]:
        return {
            "input": self.input,
            "cached_input": self.cached_input,
            "cache_write": self.cache_write,
            "cache_write_1h": self.cache_write_1h,
            "output": self.output,
            "reasoning": self.reasoning,
            "input_audio": self.input_audio,
            "output_audio": self.output_audio,
        }


def usage_from_totals(  # noqa: PLR0913 - one keyword per number a vendor reports
    *,
    input_total: int,
    output_total: int,
    cached_input: int = 0,
    cache_write: int = 0,
    cache_write_1h: int = 0,
    reasoning: int = 0,
    input_audio: int = 0,
    output_audio: int = 0,
    units: dict[str, int] | None = None,
) -> Usage:
    """Totals as a vendor reports them -> classes that do not overlap.

    `input_total` contains cached, written and audio tokens; `output_total` contains reasoning and audio.
    Vendors contradict themselves: negative counts become zero; cached reads are cut to the input, cache
    writes to what then remains, audio to what then remains; reasoning is cut to the output. So a sum of
    classes is always the total, and no class can pay the caller.
    """
    input_total = _bounded(input_total)
    output_total = _bounded(output_total)
    cached = min(_bounded(cached_input), input_total)
    rest = input_total - cached
    written_1h = min(_bounded(cache_write_1h), rest)
    rest -= written_1h
    written = min(_bounded(cache_write), rest)
    rest -= written
    audio_in = min(_bounded(input_audio), rest)
    audio_out = min(_bounded(output_audio), output_total)
    output = output_total - audio_out
    return Usage(
        input=rest - audio_in,
        cached_input=cached,
        cache_write=written,
        cache_write_1h=written_1h,
        output=output,
        reasoning=min(_bounded(reasoning), output),
        input_audio=audio_in,
        output_audio=audio_out,
        units={name: _bounded(count) for name, count in (units or {}).items() if count},
    )


def _bounded(count: int) -> int:
    if 0 <= count <= TOKENS_MAX:
        return count
    return 0 if count < 0 else TOKENS_MAX
