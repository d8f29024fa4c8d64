"""Replays the clients' log against a model of the vouchers and says what is wrong. Pure: logs to findings.

The model knows no purse, no hold and no epoch. It has four rules:

    lost       an answer that was complete is charged once, at the vendor's own count; one that broke off is
               charged at least for what reached the client, but for one checkpoint (256 tokens)
    overspent  a voucher pays, per source and together, at most what it was granted; at every glance
               spent + held + available + returned = granted and none is below zero
    wrong      nobody is charged for a refusal, twice for one operation, or more than the vendor billed
    refused    a 402 is wrong if the voucher could pay: all that calls begun before the refusal's end ever
               came to cost is the most that can have been spent by then, whatever was held, frozen or on its
               way; if the rest pays the least answer, the money was there (429 and 503 may be said, not 402)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from tests.chaos.calls import Calls, Spent
from tests.chaos.history import Books, Glance, History, Usage, Voucher
from tests.chaos.setting import PRICES
from tests.chaos.verdicts import Finding, Verdicts, count

CHECKPOINT_TOKENS: Final = 256
# Without a count of the vendor's, four bytes are taken for a token: up to an eighth too many for these texts.
ESTIMATE_PERCENT_MAX: Final = 125
ESTIMATE_TOKENS_MAX: Final = 8
SHARE_ONE_PPM: Final = 1_000_000
# Statuses after which the vendor may have worked, and what it reported is charged (contract, section 4).
MAYBE_CHARGED: Final = frozenset({0, 409, 502, 503, 504})
METER_AWAY: Final = 503


def check(history: History, books: Books) -> Verdicts:
    calls = Calls(history, books)
    verdicts = Verdicts(operations=len(calls.operations), attempts=len(history.invoked))
    verdicts.glances = len(history.glances)
    count(calls, verdicts)
    for found in (
        _lost(calls),
        _wrong(calls),
        _repeats(calls),
        _overspent(calls),
        _glances(history.glances),
        _refused(calls),
        _books(calls),
    ):
        verdicts.findings.extend(found)
    return verdicts


# -- lost


def _lost(calls: Calls) -> Iterator[Finding]:
    for invoked, ended in calls.completed():
        assert ended.charge_micro is not None
        usage = calls.usage_by_id.get(ended.usage_id or "")
        if usage is None:
            yield Finding("lost", f"{invoked.request_id} completed, no usage record", ended.charge_micro)
            continue
        if usage.charge_micro < ended.charge_micro:
            missing = ended.charge_micro - usage.charge_micro
            yield Finding("lost", f"{invoked.request_id} said {ended.charge_micro}, booked less", missing)
        if usage.uncollected_micro:
            yield Finding("lost", f"{invoked.request_id} completed, not paid", usage.uncollected_micro)
    yield from _lost_at_the_vendors_count(calls)
    yield from _lost_of_the_broken(calls)


def _lost_at_the_vendors_count(calls: Calls) -> Iterator[Finding]:
    for usage_id in {ended.usage_id for _, ended in calls.completed() if ended.usage_id}:
        usage = calls.usage_by_id.get(usage_id)
        if usage is None or usage.estimated or usage.end_reason != "completed":
            continue
        billed = calls.bills_of(usage.request_id, whole=True)
        if billed and usage.charge_micro < min(billed):
            missing = min(billed) - usage.charge_micro
            yield Finding("lost", f"{usage.request_id} billed {min(billed)}, charged less", missing)


def _lost_of_the_broken(calls: Calls) -> Iterator[Finding]:
    """A stream that broke off after tokens had arrived: charged for them, but for one checkpoint."""
    for ended in calls.ended.values():
        if ended.verdict != "unknown" or not ended.delivered:
            continue
        usages = calls.usages[calls.invoked[ended.request_id].operation]
        if any(usage.charge_micro and usage.request_id != ended.request_id for usage in usages):
            continue  # one key, one charge: the call was made again, and that try is charged
        charged = max((usage.output_tokens for usage in usages), default=0)
        missing = ended.delivered - charged - CHECKPOINT_TOKENS
        if missing > 0:
            micro = missing * PRICES[calls.product_of(ended.request_id)].output
            yield Finding(
                "lost", f"{ended.request_id} broke off, {missing} tokens beyond a checkpoint", micro
            )


# -- wrongly charged


def _wrong(calls: Calls) -> Iterator[Finding]:
    for usage in calls.books.usages:
        if not usage.charge_micro:
            continue
        bills = calls.bills_of(usage.request_id)
        if not calls.bills[usage.request_id]:
            yield Finding("wrong", f"{usage.request_id} charged, the vendor never saw it", usage.charge_micro)
        elif usage.kind != "swept" and not usage.estimated and usage.charge_micro not in bills:
            off = abs(usage.charge_micro - min(bills, key=lambda bill: abs(bill - usage.charge_micro)))
            yield Finding("wrong", f"{usage.request_id} charged {usage.charge_micro}, billed {bills}", off)
        elif (beyond := _beyond_the_vendors_count(calls, usage)) > 0:
            micro = beyond * PRICES[calls.product_of(usage.request_id)].output
            yield Finding("wrong", f"{usage.request_id} estimated beyond the vendor's count", micro)
    yield from _charged_refusals(calls)
    for invoked, ended in calls.completed():
        booked = calls.usage_by_id.get(ended.usage_id or "")
        if booked is not None and ended.charge_micro is not None and booked.charge_micro > ended.charge_micro:
            beyond = booked.charge_micro - ended.charge_micro
            yield Finding("wrong", f"{invoked.request_id} said {ended.charge_micro}, booked more", beyond)


def _beyond_the_vendors_count(calls: Calls, usage: Usage) -> int:
    """Output tokens charged beyond what an estimate may be off (docs/decisions/0006)."""
    counted = max(bill.completion_tokens or 0 for bill in calls.bills[usage.request_id])
    return usage.output_tokens - (counted * ESTIMATE_PERCENT_MAX // 100 + ESTIMATE_TOKENS_MAX)


def _charged_refusals(calls: Calls) -> Iterator[Finding]:
    for ended in calls.ended.values():
        if ended.verdict != "fail":
            continue
        for usage in calls.usages[calls.invoked[ended.request_id].operation]:
            if usage.request_id != ended.request_id or not usage.charge_micro:
                continue
            if ended.status in MAYBE_CHARGED and usage.charge_micro in calls.bills_of(ended.request_id):
                continue
            if ended.status == METER_AWAY and ended.usage_id == usage.usage_id:
                continue  # its end could be written down nowhere, and the refusal named the record to look at
            what = f"{ended.request_id} refused with {ended.status} {ended.code}, charged"
            yield Finding("wrong", what, usage.charge_micro)


def _repeats(calls: Calls) -> Iterator[Finding]:
    """One operation is charged once, and every whole answer to it is the same."""
    for operation, attempts in calls.operations.items():
        charged = [usage for usage in calls.usages[operation] if usage.charge_micro]
        if len(charged) > 1:
            beyond = sum(usage.charge_micro for usage in charged) - max(u.charge_micro for u in charged)
            yield Finding("wrong", f"{operation} charged {len(charged)} times", beyond)
        ended = [calls.ended[line.request_id] for line in attempts if line.request_id in calls.ended]
        answers = {(line.digest, line.usage_id) for line in ended if line.verdict == "ok"}
        if len(answers) > 1:
            yield Finding("wrong", f"{operation} answered in {len(answers)} ways under one key")


# -- overspent


def _overspent(calls: Calls) -> Iterator[Finding]:
    paid: defaultdict[str, list[Usage]] = defaultdict(list)
    for usage in calls.books.usages:
        paid[usage.voucher].append(usage)
    for voucher in calls.books.vouchers:
        usages = paid[voucher.voucher]
        government = sum(usage.government_micro for usage in usages)
        own = sum(usage.self_micro for usage in usages)
        for source, spent, granted in (
            ("government", government, voucher.government_micro),
            ("self", own, voucher.self_micro),
        ):
            if spent > granted:
                yield Finding("overspent", f"{voucher.voucher} {source}", spent - granted)
        if government != (government + own) * voucher.share_ppm // SHARE_ONE_PPM:
            yield Finding("books", f"{voucher.voucher} shares {government} + {own} are not the rule's")


def _glances(glances: Iterable[Glance]) -> Iterator[Finding]:
    for seen in glances:
        parts = (seen.spent_micro, seen.held_micro, seen.available_micro, seen.returned_micro)
        if min(parts) < 0 or sum(parts) != seen.granted_micro:
            off = max(sum(parts) - seen.granted_micro, -min(parts), 0)
            yield Finding("overspent", f"{seen.company} {seen.source} at {seen.at_ms}: {parts}", off)


# -- refused though it could be paid


def capacity_micro(voucher: Voucher) -> int:
    """The largest total whose government part fits the grant and whose own part fits the deposit."""
    low, high = 0, voucher.government_micro + voucher.self_micro
    while low < high:
        total = (low + high + 1) // 2
        government = total * voucher.share_ppm // SHARE_ONE_PPM
        fits = government <= voucher.government_micro and total - government <= voucher.self_micro
        low, high = (total, high) if fits else (low, total - 1)
    return low


def _refused(calls: Calls) -> Iterator[Finding]:
    spent = {company: Spent(calls, company) for company in calls.vouchers}
    for ended in calls.ended.values():
        if ended.status != 402:
            continue
        invoked = calls.invoked[ended.request_id]
        voucher = calls.vouchers[invoked.company]
        left = capacity_micro(voucher) - spent[invoked.company].at_most_micro(ended.at_ms)
        if left >= invoked.least_micro:
            what = f"{ended.request_id} of {invoked.company}: 402 with {left} left"
            yield Finding("refused", what, invoked.least_micro)


# -- the books against themselves and each other


def _books(calls: Calls) -> Iterator[Finding]:
    books = calls.books
    for fault in books.ledger_faults:
        yield Finding("books", fault)
    if books.ledger_sum_micro:
        yield Finding("books", "the ledger does not sum to zero", abs(books.ledger_sum_micro))
    if books.parked:
        yield Finding("books", f"{books.parked} events are parked")
    if books.open_ends:
        yield Finding("books", f"{books.open_ends} claims or epochs never ended")
    paid: Counter[str] = Counter()
    for usage in books.usages:
        paid[usage.voucher] += usage.charge_micro - usage.uncollected_micro
        if usage.government_micro + usage.self_micro + usage.uncollected_micro != usage.charge_micro:
            yield Finding("books", f"{usage.request_id}: its parts are not its charge")
    for voucher in books.vouchers:
        shown = voucher.shown_spent_micro
        if shown is not None and shown != paid[voucher.voucher]:
            off = abs(shown - paid[voucher.voucher])
            yield Finding("books", f"{voucher.voucher} shows {shown} spent, usage says otherwise", off)
        if voucher.shown_held_micro:
            yield Finding("books", f"{voucher.voucher} still holds", voucher.shown_held_micro)
