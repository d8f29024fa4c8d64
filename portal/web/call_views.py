"""The tables of calls: one query, and for each reader the columns that are theirs."""

from __future__ import annotations

from typing import Final

from portal.web.view import Column, Filter, View

# First bookings have their place in the list for good; what a call costs is its latest step's.
CALLS: Final = (
    "select first.op as id, first.seq, first.company_id, first.provider_id, first.started_ms,"
    " latest.product_id, latest.api_key, latest.tag, latest.voucher_id, latest.programme_id, latest.status,"
    " latest.input_tokens + latest.cached_input_tokens + latest.cache_write_tokens"
    " + latest.cache_write_1h_tokens + latest.input_audio_tokens as tokens_in,"
    " latest.output_tokens + latest.output_audio_tokens as tokens_out, latest.charge_micro,"
    " latest.government_micro, latest.self_micro, latest.own_micro, latest.uncollected_micro"
    " from usage first cross join lateral (select * from usage u where u.op = first.op"
    " order by u.step desc limit 1) latest where first.step = 0"
)
_CALL_AMOUNTS: Final = tuple(
    Column(name, "amount", total=True)
    for name in ("charge_micro", "government_micro", "self_micro", "uncollected_micro")
)
_CALL_FILTERS: Final = (
    Filter("from", "started_ms", "from_ms"),
    Filter("to", "started_ms", "to_ms"),
    Filter("product", "product_id"),
    Filter("status", "status", "choice", ("settled", "released"), thing="call"),
)
_TOKENS: Final = (Column("tokens_in", "number", total=True), Column("tokens_out", "number", total=True))
_SEQ: Final = (Column("seq", "number"),)


# A left join, and of one row: nothing is looked up where only calls are counted.
_WITH_COMPANY: Final = (
    f"select c.*, coalesce(n.name, c.company_id) as company_name from ({CALLS}) c"  # noqa: S608 - a constant
    " left join company n on n.id = c.company_id"
)


def _calls(link: str, *between: Column, filters: tuple[Filter, ...] = (), query: str = CALLS) -> View:
    return View(
        caption="nav.calls",
        query=query,
        columns=(
            Column("started_ms", "ms", link=link),
            Column("product_id", "id"),
            *between,
            Column("status", "state", thing="call"),
            *_TOKENS,
            *_CALL_AMOUNTS,
        ),
        order="-seq",
        filters=(*_CALL_FILTERS, *filters),
        hidden=_SEQ,
    )


CALLS_OF_COMPANY: Final = _calls(
    "/usage/{id}", Column("api_key", "id"), filters=(Filter("api_key", "api_key"), Filter("tag", "tag"))
)
CALLS_INSIDE: Final = _calls(
    "/calls/{id}",
    Column("company_name", link="/companies/{company_id}"),
    Column("voucher_id", "id", link="/vouchers/{voucher_id}"),
    filters=(Filter("voucher", "voucher_id"),),
    query=_WITH_COMPANY,
)
# A provider sees what its products did, and not whose voucher paid which part.
CALLS_OF_PROVIDER: Final = View(
    caption="nav.calls",
    query=CALLS,
    columns=(
        Column("started_ms", "ms"),
        Column("product_id", "id"),
        Column("status", "state", thing="call"),
        *_TOKENS,
        Column("charge_micro", "amount", total=True),
    ),
    order="-seq",
    filters=_CALL_FILTERS,
    hidden=_SEQ,
)
