"""The entries of products, their prices and keys. What is given at most once by a form: one place of calls.

A product with several places, tiers of prices or prices in dollars is the API's to write; a form that shows
such a product leaves alone what it cannot show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from billing.casework.rows import rows_of
from portal.web import words
from portal.web.entries import choices
from portal.web.formats import SEOUL
from portal.web.forms import Choice, EntriesRefused, Field
from portal.web.operations import Shown
from portal.web.visit import Visit

COUNTRIES: Final = ("KR", "US", "JP", "SG", "DE", "FR", "IE", "NL", "GB", "CA", "AU", "IN")
DIALECTS: Final = ("openai", "anthropic", "gemini", "clova", "bedrock", "cohere", "ollama")
PRICE_NAMES: Final = (
    *("input", "cached_input", "output"),
    *("per_request", "per_image", "per_second", "per_1000_characters"),
)
_PURPOSES: Final = ("chat", "completion", "embedding", "image", "speech", "transcription", "rerank")
_PLACE: Final = ("dialect", "base_url", "model")
_PRICES: Final = tuple(Field(f"price_{name}", "won") for name in PRICE_NAMES)
PRICE_FIELDS: Final = (
    Field("holds_from", "instant", required=True, help="help.holds_from"),
    *_PRICES,
)


async def new_product_fields(visit: Visit) -> tuple[Field, ...]:
    """Of a provider's draft nearly all may come later; what the agency enters is sold at once."""
    is_whole = visit.role == "operator"
    made = [Field("id", required=True, help="help.product_id", characters_max=64)]
    if is_whole:
        made.append(Field("provider", "choice", required=True, choices=await providers(visit)))
    return (*made, *_product_fields(visit, {}, is_whole=is_whole), *_draft_prices({}))


async def changed_product_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    return (*_product_fields(visit, shown), *_draft_prices(shown))


async def changed_provider_fields(_: Visit, shown: Shown) -> tuple[Field, ...]:
    return (
        Field("name", required=True, initial=shown["name"]),
        Field("brn", help="help.brn", initial=shown["brn"] or ""),
    )


async def providers(visit: Visit) -> tuple[Choice, ...]:
    found = await rows_of(visit.desk.conn, "select id, name from provider order by name, id")
    return tuple(Choice(row["id"], row["name"]) for row in found)


def _product_fields(visit: Visit, now: Shown, *, is_whole: bool = False) -> tuple[Field, ...]:
    trains = now.get("trains_on_input")
    return (
        Field(
            "scale",
            "choice",
            required=True,
            choices=choices(visit, "scale", "small", "medium", "large", "hyperscale"),
            initial=now.get("scale") or "medium",
        ),
        Field(
            "purposes",
            "checks",
            required=True,
            choices=choices(visit, "purposes", *_PURPOSES),
            initial=now.get("purposes", ["chat"]),
        ),
        Field("context_tokens", "count", required=True, initial=now.get("context_tokens", "")),
        Field("max_output_tokens", "count", required=True, initial=now.get("max_output_tokens", "")),
        Field(
            "data_location",
            "choice",
            required=is_whole,
            choices=_countries(visit, now.get("data_location")),
            initial=now.get("data_location") or "",
        ),
        Field(
            "trains_on_input",
            "choice",
            choices=choices(visit, "trains_on_input", "false", "true"),
            initial="" if trains is None else str(trains).lower(),
        ),
        Field("retention_days", "count", help="help.retention_days", initial=_known(now, "retention_days")),
        *_places(visit, now.get("upstream", [])),
    )


def _known(now: Shown, name: str) -> Any:
    return "" if now.get(name) is None else now[name]


def _countries(visit: Visit, now: str | None) -> tuple[Choice, ...]:
    named = COUNTRIES if now is None or now in COUNTRIES else (*COUNTRIES, now)
    return tuple(Choice(one, words.named("data_location", one, visit.language)) for one in named)


def _places(visit: Visit, upstreams: Sequence[Shown]) -> tuple[Field, ...]:
    """Where calls go. With several places, none is shown."""
    if len(upstreams) > 1:
        return ()
    now = upstreams[0] if upstreams else {"dialect": "openai", "base_url": "", "model": ""}
    key = () if upstreams else (Field("api_key", "secret", help="help.vendor_key", characters_max=1000),)
    return (
        Field("dialect", "choice", choices=choices(visit, "dialect", *DIALECTS), initial=now["dialect"]),
        Field("base_url", help="help.base_url", characters_max=1000, initial=now["base_url"]),
        Field("model", help="help.model", initial=now["model"]),
        *key,
    )


def _draft_prices(now: Shown) -> tuple[Field, ...]:
    """A draft's one price list; what is on sale has its prices added."""
    if len(now.get("prices", [])) > 1:
        return ()
    known = _drafted(now)
    return (
        Field("holds_from", "instant", initial=known.get("from", ""), help="help.holds_from_draft"),
        *(Field(f"price_{name}", "won", initial=known.get(name, "")) for name in PRICE_NAMES),
    )


def _drafted(now: Shown) -> dict[str, str]:
    """What the form shows of a draft's price list: its start in Korea, and what costs anything."""
    [entry] = now.get("prices") or [{}]
    named = {name: entry[name] for name in PRICE_NAMES if entry.get(name, "0") != "0"}
    if "from" not in entry:
        return named
    since = datetime.fromisoformat(entry["from"]).astimezone(SEOUL)
    return {"from": f"{since:%Y-%m-%dT%H:%M}", **named}


def product_body(values: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
    """What the API is told. `shown`: the product as it is, empty for a new one.

    What did not change is not written: of a place its limits of time, of prices their tiers stay as they are.
    """
    kept = {
        name: values[name]
        for name in (
            *("id", "provider", "scale", "purposes", "context_tokens", "max_output_tokens"),
            *("data_location", "retention_days"),
        )
        if name in values
    }
    for name in ("data_location", "retention_days") if shown else ():
        kept.setdefault(name, None)
    trains = values.get("trains_on_input")
    if trains is not None or shown:
        kept["trains_on_input"] = None if trains is None else trains == "true"
    place = {name: values[name] for name in _PLACE if name in values}
    before = shown.get("upstream") or [{}]
    if "base_url" in place and any(before[0].get(name) != place.get(name) for name in _PLACE):
        also = {name: before[0][name] for name in ("vendor", "priority", "weight") if name in before[0]}
        key = {"api_key": values["api_key"]} if values.get("api_key") else {}
        kept["upstream"] = [{**also, **place, **key}]
    prices = price_body(values)
    if prices:
        if "from" not in prices:
            raise EntriesRefused({"holds_from": "error.required"})
        if prices | {"from": prices["from"][:16]} != _drafted(shown):
            kept["prices"] = [prices]
    return kept


def price_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """Empty where nothing was entered."""
    named = {name: values[f"price_{name}"] for name in PRICE_NAMES if f"price_{name}" in values}
    return named | ({"from": values["holds_from"]} if "holds_from" in values else {})


async def key_fields(visit: Visit, shown: Shown) -> tuple[Field, ...]:
    key = Field("api_key", "secret", required=True, help="help.new_vendor_key", characters_max=1000)
    places = [
        Choice(str(number), f"{number}. {one['base_url']}") for number, one in enumerate(shown["upstream"], 1)
    ]
    if len(places) < 2:
        return (key,)
    return (Field("place", "choice", required=True, choices=tuple(places), initial="1"), key)
