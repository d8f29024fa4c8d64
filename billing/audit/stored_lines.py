"""How the records stand in the tables: the queries that give their lines, as COPY writes them.

A query's columns after the first two are the record's line; the first is the batch's number (0 where it does
not matter), the second whether the record belongs to the programme asked for (always true without one).
"""

from __future__ import annotations

from typing import Final, LiteralString

from billing.audit.leaf import USAGE_COLUMNS

# kinds of changes that say nothing of one programme
_OF_ALL: Final = (
    "('provider', 'product', 'price', 'price_sheet', 'signer', 'closed_month', 'reported_product',"
    " 'report_key')"
)

# Of one batch or several: `{batches}` is a condition on b.batch_id, `{place}` what stands for the batch.
_USAGE: Final = (
    "select {place}, {programme} is null or b.programme_id = {programme}, b."  # noqa: S608 - constants
    + ", b.".join(USAGE_COLUMNS)
    + " from usage b {join} where {batches} order by 1, b.seq"
)
_ENTRY: Final = (
    "select {place}, {programme} is null or b.programme_id = {programme},"
    " b.id, b.kind, b.programme_id, b.voucher_id, b.provider_id, b.lane, b.n"
    " from entry b {join} where {batches} order by 1, b.id"
)
_POSTING: Final = (
    "select {place}, {programme} is null or b.programme_id = {programme},"
    " p.entry_id, p.leg, p.account, p.amount_micro"
    " from entry b {join} join posting p on p.entry_id = b.id where {batches} order by 1, p.entry_id, p.leg"
)
_PARKED: Final = (
    "select {place}, {programme} is null,"
    " b.lane, b.stream_id, b.kind, b.op, b.reason, encode(sha256(b.payload), 'hex')"
    " from parked b {join} where {batches} order by 1, b.id"
)
_CHANGE: Final = (
    "select {place}, {programme} is null or b.kind in " + _OF_ALL + " or case b.kind"  # noqa: S608 - constants
    " when 'programme' then b.row_text::jsonb ->> 'id' = {programme}"
    # A milestone's price is its programme's; a report names companies of any programme.
    " when 'unit_price' then coalesce(b.row_text::jsonb ->> 'programme_id', {programme}) = {programme}"
    " when 'report_line' then exists (select from funds f"
    " where f.programme_id = {programme} and f.company_id = b.row_text::jsonb ->> 'company_id')"
    " when 'company' then exists (select from funds f"
    " where f.programme_id = {programme} and f.company_id = b.row_text::jsonb ->> 'id')"
    " else b.row_text::jsonb ->> 'programme_id' = {programme} end,"
    " b.id, b.kind, b.row_text"
    " from change b {join} where {batches} order by 1, b.id"
)
_QUERIES: Final[dict[str, LiteralString]] = {
    "usage": _USAGE,
    "entry": _ENTRY,
    "posting": _POSTING,
    "parked": _PARKED,
    "change": _CHANGE,
}


def lines_of_founding(table: str, *, of_programme: bool = False) -> LiteralString:
    """COPY of what batch 0 has; with `of_programme`, its parameter is `programme`."""
    programme: LiteralString = "%(programme)s::text" if of_programme else "null::text"
    return _copy(_QUERIES[table], place="0", programme=programme, join="", batches="b.batch_id = 0")


def lines_of_batch(table: str) -> LiteralString:
    """COPY of one batch's records; parameter: its id."""
    return _copy(
        _QUERIES[table], place="0", programme="null::text", join="", batches="b.batch_id = %(batch_id)s"
    )


def lines_of_batches(table: str) -> LiteralString:
    """COPY of several batches' records.

    Parameters: `ids` and `numbers` in step, `first` and `last` of the ids, `programme`.
    """
    return _copy(
        _QUERIES[table],
        place="n.number",
        programme="%(programme)s::text",
        join="join unnest(%(ids)s::bigint[], %(numbers)s::bigint[]) n (batch_id, number) using (batch_id)",
        batches="b.batch_id between %(first)s and %(last)s",
    )


def _copy(
    query: LiteralString,
    *,
    place: LiteralString,
    programme: LiteralString,
    join: LiteralString,
    batches: LiteralString,
) -> LiteralString:
    parts = {"{place}": place, "{programme}": programme, "{join}": join, "{batches}": batches}
    for name, part in parts.items():
        query = query.replace(name, part)
    return "copy (" + query + ") to stdout"
