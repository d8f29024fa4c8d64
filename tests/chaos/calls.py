"""The clients' log, the usage records and the vendor's log side by side. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate

from tests.chaos.history import Billed, Books, Ended, History, Invoked, Usage, Voucher
from tests.chaos.setting import CHAT, PRICES


class Calls:
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


class Spent:
    """The most that can have been spent of a company's voucher by an instant.

    A call counts from the moment it was invoked, with all that it ever came to cost: charges only rise (a
    swept call is corrected upwards), so at no instant before was it more.
    """

    def __init__(self, calls: Calls, company: str) -> None:
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


def _begun_ms(calls: Calls, usage: Usage) -> int:
    """Of an operation with repeats, the first; one that nobody invoked counts from ever."""
    line = calls.invoked.get(usage.request_id)
    return 0 if line is None else min(first.at_ms for first in calls.operations[line.operation])
