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

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from tests.chaos.history import Billed, Books, Ended, Glance, History, Invoked, Usage, Voucher
from tests.chaos.setting import CHAT, PRICES

CHECKPOINT_TOKENS: Final = 256
SHARE_ONE_PPM: Final = 1_000_000
NEVER_MS: Final = 2**62
# Statuses after which the vendor may have worked, and what it reported is charged (contract, section 4).
MAYBE_CHARGED: Final = frozenset({0, 409, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    what: str
    micro: int = 0


@dataclass(slots=True)
class Verdicts:
    findings: list[Finding] = field(default_factory=list)
    operations: int = 0
    attempts: int = 0
    ok: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # "status code" -> attempts
    unknown: int = 0
    resolved: Counter[str] = field(default_factory=Counter)  # how the unknown ones turned out
    glances: int = 0
    charged_micro: int = 0
    billed_micro: int = 0
    unbooked_micro: int = 0  # the vendor worked, the answer broke off, nobody is charged
    uncollected_micro: int = 0  # booked, but the voucher could not pay it
    estimated: int = 0
    ended_by_balance: int = 0

    def sum_micro(self, rule: str) -> int:
        return sum(finding.micro for finding in self.findings if finding.rule == rule)

    def count(self, rule: str) -> int:
        return sum(1 for finding in self.findings if finding.rule == rule)


def check(history: History, books: Books) -> Verdicts:
    calls = _Calls(history, books)
    verdicts = Verdicts(operations=len(calls.operations), attempts=len(history.invoked))
    verdicts.glances = len(history.glances)
    _count(calls, verdicts)
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


class _Calls:
    """The three logs side by side: attempt, usage record, the vendor's bill, by request id and operation."""

    def __init__(self, history: History, books: Books) -> None:
        self.books = books
        self.vouchers: Mapping[str, Voucher] = {voucher.company: voucher for voucher in books.vouchers}
        self.invoked = {line.request_id: line for line in history.invoked}
        self.ended = {line.request_id: line for line in history.ended}
        self.operations: defaultdict[str, list[Invoked]] = defaultdict(list)
        for line in history.invoked:
            self.operations[line.operation].append(line)
        self.usage_by_id = {usage.usage_id: usage for usage in books.usages}
        self.usages: defaultdict[str, list[Usage]] = defaultdict(list)  # by operation
        for usage in books.usages:
            first = self.invoked.get(usage.request_id)
            self.usages[usage.request_id if first is None else first.operation].append(usage)
        self.bills: defaultdict[str, list[Billed]] = defaultdict(list)
        for bill in books.vendor:
            self.bills[bill.request_id].append(bill)

    def product_of(self, request_id: str) -> str:
        line = self.invoked.get(request_id)
        return CHAT if line is None else line.product

    def bills_of(self, request_id: str, *, whole: bool = False) -> list[int]:
        """What the vendor bills, per time it was asked; `whole`: of its complete answers only."""
        price = PRICES[self.product_of(request_id)]
        return [
            price.of(
                prompt=bill.prompt_tokens,
                cached=bill.cached_tokens or 0,
                completion=bill.completion_tokens or 0,
            )
            for bill in self.bills[request_id]
            if bill.prompt_tokens is not None and (bill.ended == "complete" or not whole)
        ]

    def completed(self) -> Iterator[tuple[Invoked, Ended]]:
        for ended in self.ended.values():
            if ended.verdict == "ok":
                yield self.invoked[ended.request_id], ended


# -- lost


def _lost(calls: _Calls) -> Iterator[Finding]:
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


def _lost_at_the_vendors_count(calls: _Calls) -> Iterator[Finding]:
    for usage_id in {ended.usage_id for _, ended in calls.completed() if ended.usage_id}:
        usage = calls.usage_by_id.get(usage_id)
        if usage is None or usage.estimated or usage.end_reason != "completed":
            continue
        billed = calls.bills_of(usage.request_id, whole=True)
        if billed and usage.charge_micro < min(billed):
            missing = min(billed) - usage.charge_micro
            yield Finding("lost", f"{usage.request_id} billed {min(billed)}, charged less", missing)


def _lost_of_the_broken(calls: _Calls) -> Iterator[Finding]:
    """A stream that broke off after tokens had arrived: charged for them, but for one checkpoint."""
    for ended in calls.ended.values():
        if ended.verdict != "unknown" or not ended.delivered:
            continue
        usages = calls.usages[calls.invoked[ended.request_id].operation]
        charged = max((usage.output_tokens for usage in usages), default=0)
        missing = ended.delivered - charged - CHECKPOINT_TOKENS
        if missing > 0:
            micro = missing * PRICES[calls.product_of(ended.request_id)].output
            yield Finding(
                "lost", f"{ended.request_id} broke off, {missing} tokens beyond a checkpoint", micro
            )


# -- wrongly charged


def _wrong(calls: _Calls) -> Iterator[Finding]:
    for usage in calls.books.usages:
        if not usage.charge_micro:
            continue
        bills = calls.bills_of(usage.request_id)
        if not calls.bills[usage.request_id]:
            yield Finding("wrong", f"{usage.request_id} charged, the vendor never saw it", usage.charge_micro)
        elif usage.kind != "swept" and not usage.estimated and usage.charge_micro not in bills:
            off = abs(usage.charge_micro - min(bills, key=lambda bill: abs(bill - usage.charge_micro)))
            yield Finding("wrong", f"{usage.request_id} charged {usage.charge_micro}, billed {bills}", off)
        elif usage.output_tokens > max(bill.completion_tokens or 0 for bill in calls.bills[usage.request_id]):
            beyond = usage.output_tokens - max(
                bill.completion_tokens or 0 for bill in calls.bills[usage.request_id]
            )
            micro = beyond * PRICES[calls.product_of(usage.request_id)].output
            yield Finding("wrong", f"{usage.request_id} estimated beyond the vendor's count", micro)
    yield from _charged_refusals(calls)
    for invoked, ended in calls.completed():
        booked = calls.usage_by_id.get(ended.usage_id or "")
        if booked is not None and ended.charge_micro is not None and booked.charge_micro > ended.charge_micro:
            beyond = booked.charge_micro - ended.charge_micro
            yield Finding("wrong", f"{invoked.request_id} said {ended.charge_micro}, booked more", beyond)


def _charged_refusals(calls: _Calls) -> Iterator[Finding]:
    for ended in calls.ended.values():
        if ended.verdict != "fail":
            continue
        for usage in calls.usages[calls.invoked[ended.request_id].operation]:
            if usage.request_id != ended.request_id or not usage.charge_micro:
                continue
            if ended.status in MAYBE_CHARGED and usage.charge_micro in calls.bills_of(ended.request_id):
                continue
            what = f"{ended.request_id} refused with {ended.status} {ended.code}, charged"
            yield Finding("wrong", what, usage.charge_micro)


def _repeats(calls: _Calls) -> Iterator[Finding]:
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


def _overspent(calls: _Calls) -> Iterator[Finding]:
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


def _refused(calls: _Calls) -> Iterator[Finding]:
    spent = {company: _Spent(calls, company) for company in calls.vouchers}
    for ended in calls.ended.values():
        if ended.status != 402:
            continue
        invoked = calls.invoked[ended.request_id]
        voucher = calls.vouchers[invoked.company]
        left = capacity_micro(voucher) - spent[invoked.company].at_most_micro(ended.at_ms)
        if left >= invoked.least_micro:
            what = f"{ended.request_id} of {invoked.company}: 402 with {left} left"
            yield Finding("refused", what, invoked.least_micro)


class _Spent:
    """The most that can have been spent of a company's voucher by an instant.

    A call counts from the moment it was invoked, with all that it ever came to cost: charges only rise (a
    swept call is corrected upwards), so at no instant before was it more.
    """

    def __init__(self, calls: _Calls, company: str) -> None:
        voucher = calls.vouchers[company].voucher
        charges = [
            (_begun_ms(calls, usage), usage.charge_micro - usage.uncollected_micro)
            for usage in calls.books.usages
            if usage.voucher == voucher
        ]
        charges.sort()
        self._begun_ms = [begun_ms for begun_ms, _ in charges]
        self._sums = [0, *accumulate(charge for _, charge in charges)]

    def at_most_micro(self, at_ms: int) -> int:
        return self._sums[bisect_right(self._begun_ms, at_ms)]


def _begun_ms(calls: _Calls, usage: Usage) -> int:
    """Of an operation with repeats, the first; one that nobody invoked counts from ever."""
    line = calls.invoked.get(usage.request_id)
    return 0 if line is None else min(first.at_ms for first in calls.operations[line.operation])


# -- the books against themselves and each other


def _books(calls: _Calls) -> Iterator[Finding]:
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


# -- counts


def _count(calls: _Calls, verdicts: Verdicts) -> None:
    for request_id in calls.invoked:
        ended = calls.ended.get(request_id)
        if ended is None or ended.verdict == "unknown":
            verdicts.unknown += 1
            verdicts.resolved[_how_it_turned_out(calls, request_id)] += 1
        elif ended.verdict == "ok":
            verdicts.ok += 1
            verdicts.ended_by_balance += ended.code == "voucher_exhausted"
        else:
            verdicts.failed[f"{ended.status} {ended.code}"] += 1
    for usage in calls.books.usages:
        verdicts.charged_micro += usage.charge_micro
        verdicts.uncollected_micro += usage.uncollected_micro
        verdicts.estimated += usage.estimated
    for request_id in calls.bills:
        bills = calls.bills_of(request_id)
        verdicts.billed_micro += sum(bills)
        line = calls.invoked.get(request_id)
        if bills and line is not None and not any(u.charge_micro for u in calls.usages[line.operation]):
            verdicts.unbooked_micro += sum(bills)


def _how_it_turned_out(calls: _Calls, request_id: str) -> str:
    usages = [u for u in calls.usages[calls.invoked[request_id].operation] if u.request_id == request_id]
    if usages:
        (usage, *_) = usages
        return "charged" if usage.charge_micro else "released"
    return "not booked, the vendor worked" if calls.bills_of(request_id) else "never begun"
