"""Products laid over what is stored: a provider that stays, upstreams replaced, prices added. Pure."""

from __future__ import annotations

from datetime import datetime

from billing.declaration import models
from billing.declaration.judge import Judge
from billing.declaration.price_rows import PriceRow, price_row
from billing.declaration.reading import Entry
from billing.declaration.rows import ProductRow, UpstreamRow, upstream_row


def plan_product(judge: Judge, entry: Entry[models.Product]) -> None:
    declared = entry.declared
    before = judge.directory.products.get(declared.id)
    if before is not None and not judge.keeps(entry, "provider", before.provider_id, declared.provider):
        return
    if declared.provider is not None and not judge.refers(entry, "provider", declared.provider, "provider"):
        return
    given = declared.given()
    if declared.purposes is not None:
        given["purposes"] = tuple(sorted(set(declared.purposes)))
    if declared.upstream is not None:
        given["upstreams"] = _upstreams(judge, entry, declared.upstream)
    if declared.prices is not None:
        given["prices"] = _prices(judge, entry, () if before is None else before.prices)
    if before is None:
        given["created_at"] = judge.means.now
    after = judge.lay(entry, judge.directory.products, judge.plan.products, ProductRow, given)
    if after is None:
        return
    judge.directory.product_ids.add(after.id)
    if after.max_output_tokens == 0 and not models.PURPOSES_WITH_OUTPUT.isdisjoint(after.purposes):
        judge.refuse(entry, "must be at least 1 for chat and completion", "max_output_tokens")


def _upstreams(
    judge: Judge, entry: Entry[models.Product], upstreams: list[models.Upstream]
) -> tuple[UpstreamRow, ...]:
    for position, upstream in enumerate(upstreams):
        refusal = judge.means.refusal_of_base_url(upstream.base_url)
        if refusal is not None:
            judge.refuse(entry, refusal, "upstream", position, "base_url")
    return tuple(upstream_row(upstream) for upstream in upstreams)


def _prices(judge: Judge, entry: Entry[models.Product], before: tuple[PriceRow, ...]) -> tuple[PriceRow, ...]:
    """What is there and what comes to it. An entry is never edited."""
    rows = {row.valid_from: row for row in before}
    first_positions: dict[datetime, int] = {}
    for position, declared in enumerate(entry.declared.prices or ()):
        row = price_row(declared)
        if first_positions.setdefault(row.valid_from, position) != position:
            judge.refuse(entry, "another price of this product is from the same time", "prices", position)
        elif rows.setdefault(row.valid_from, row).is_edited(row):
            reason = "the price from this time has other numbers: it is never edited, add a later one"
            judge.refuse(entry, reason, "prices", position)
    return tuple(rows[at] for at in sorted(rows))
