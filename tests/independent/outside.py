"""The books against the two logs that the house did not write: the vendor's and the clients'."""

from __future__ import annotations

from collections import defaultdict

from .books import Books, Call
from .columns import Row
from .findings import Report
from .logs import ClientLog, Counts, Ended, Served
from .reports import DIALECT

# Statuses after which the vendor may have worked; what it reported may then be charged.
_MAYBE_CHARGED = {0, 409, 502, 503, 504}


def check_vendor(report: Report, books: Books, served: list[Served]) -> None:
    by_call_id: defaultdict[str, list[Served]] = defaultdict(list)
    by_request_id: defaultdict[str, list[Served]] = defaultdict(list)
    for call in served:
        by_call_id[call.call_id].append(call)
        by_request_id[call.request_id].append(call)
    for op, call_ in books.calls.items():
        last = call_.last
        if last.text("dialect") == DIALECT:
            continue  # its provider reported it; no vendor's API was called
        upstream_id = last.value("upstream_request_id")
        by_id = by_call_id.get(upstream_id, []) if isinstance(upstream_id, str) else []
        candidates = by_id or by_request_id.get(last.text("request_id"), [])
        if last["charge_micro"]:
            _one_charge(report, op, call_, candidates)
        elif candidates:
            report.notes["calls the vendor saw, released without a charge"] += 1
    report.notes["calls in the vendor's log"] = len(served)
    report.notes["calls the vendor billed that nobody is charged for"] = sum(
        1 for call in served if call.counts is not None and call.charged_to is None
    )


def _one_charge(report: Report, op: str, call: Call, candidates: list[Served]) -> None:
    last = call.last
    report.count("served")
    free = [one for one in candidates if one.charged_to is None]
    if last.value("estimated") is True or last.text("kind") == "swept":
        report.notes["charges that are estimates or checkpoints"] += 1
        report.notes["micro-won charged by estimates or checkpoints"] += last["charge_micro"]
        if free:
            free[0].charged_to = op
            if free[0].counts is not None:
                off = last["output_tokens"] - free[0].counts["output_tokens"]
                report.notes["output tokens charged by them beyond the vendor's count"] += max(0, off)
                report.notes["output tokens of the vendor's count they did not charge"] += max(0, -off)
        elif not candidates:
            report.notes["estimates of calls that are not in the vendor's log"] += 1
        return
    if not free:
        expected = "one call of the vendor's for each" if candidates else "a call in the vendor's log"
        report.find(
            "served",
            last.where,
            "upstream_request_id",
            expected=expected,
            found=last.value("upstream_request_id"),
        )
        return
    report.count("vendor")
    best = min(free, key=lambda one: _distance(last, one.counts))
    best.charged_to = op
    if best.counts is None:
        report.same_micro(
            "vendor", last.where, "charge_micro of what the vendor bills nothing for", 0, last["charge_micro"]
        )
        return
    for name, count in best.counts.items():
        report.same("vendor", last.where, f"{name} by the vendor", count, last[name])


def _distance(usage: Row, counts: Counts | None) -> tuple[bool, int]:
    if counts is None:
        return True, 0
    return False, sum(abs(count - usage[name]) for name, count in counts.items())


def check_clients(report: Report, books: Books, log: ClientLog) -> None:
    charged: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)  # by company and request id
    for call in books.calls.values():
        if call.last["charge_micro"]:
            charged[call.last.text("company_id"), call.last.text("request_id")].append(call.last)
    for ended in log.ended:
        if ended.verdict == "ok":
            _told(report, books, log, ended)
        elif ended.verdict == "fail" and ended.status not in _MAYBE_CHARGED:
            report.count("once")
            for usage in charged[log.company_of.get(ended.request_id, ""), ended.request_id]:
                report.same_micro(
                    "once",
                    usage.where,
                    f"charge_micro of a refusal ({ended.status})",
                    0,
                    usage["charge_micro"],
                )
    for operation, request_ids in log.operations.items():
        report.count("once")
        of = [usage for name in dict.fromkeys(request_ids) for usage in charged[log.company_of[name], name]]
        for usage in of[1:]:
            report.same_micro(
                "once",
                usage.where,
                f"charge_micro of operation {operation}, charged before",
                0,
                usage["charge_micro"],
            )
    _nobody_called(report, books, log)
    report.notes["attempts in the clients' log"] = len(log.company_of)
    report.notes["attempts whose end no client saw"] = len(log.company_of) - sum(
        1 for ended in log.ended if ended.verdict in ("ok", "fail")
    )


def _told(report: Report, books: Books, log: ClientLog, ended: Ended) -> None:
    report.count("told")
    where = ("clients' log", ended.request_id)
    call = books.calls.get(ended.usage_id or "")
    if call is None:
        report.find("told", where, "usage_id", expected="a call in usage.tsv", found=ended.usage_id)
        return
    report.same(
        "told",
        call.last.where,
        "company_id",
        log.company_of.get(ended.request_id),
        call.last.text("company_id"),
    )
    if ended.charge_micro is not None:  # some streams carry none
        report.same_micro(
            "told",
            call.last.where,
            "charge_micro as the client was told",
            ended.charge_micro,
            call.told_micro,
        )


def _nobody_called(report: Report, books: Books, log: ClientLog) -> None:
    """Charges of companies whose clients kept the log, of its time, that no client asked for."""
    companies = set(log.company_of.values())
    for call in books.calls.values():
        last = call.last
        if not last["charge_micro"] or last.text("company_id") not in companies:
            continue
        if last.text("dialect") == DIALECT:
            continue
        if not log.from_ms <= last["started_ms"] <= log.to_ms:
            report.notes["charges outside the time of the clients' log"] += 1
        elif log.company_of.get(last.text("request_id")) != last.text("company_id"):
            report.same_micro(
                "once", last.where, "charge_micro of a call that no client made", 0, last["charge_micro"]
            )
