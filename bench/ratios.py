"""Figures beside one another: streams held, posting, and what of a figure is this machine's own."""

from bench.run import SUBJECTS, Row, Run, cell, spread

FLUSHES_PER_CALL = 2  # of Valkey's log: the hold, and the settlement
# What these took per request on the machine on which the budgets were set, and a flush of its disk.
BUDGET_NGINX_CPU_US = 18
BUDGET_UVICORN_CPU_US = 45
BUDGET_FLUSH_US = 70


def other_rows(run: Run) -> list[Row]:
    rows: list[Row] = []
    for subject in SUBJECTS:
        held = spread(run, f"{subject}.held")
        if held is not None:
            capped = spread(run, f"{subject}.held_is_cap")
            most = "at least " if capped and capped.middle else ""
            rows.append((f"streams held on one core, {subject}", most + cell(held)))
    for what, name, digits in (
        ("posting, calls/s of one worker", "gateway.posting.calls_per_s", 0),
        ("posting, backlog in calls", "gateway.posting.backlog", 0),
        ("posting, CPU µs of the worker per call", "gateway.posting.cpu_us", 1),
    ):
        if spread(run, name) is not None:
            rows.append((what, cell(spread(run, name), digits=digits)))
    gateway, nginx = spread(run, "gateway.c32.cpu_us"), spread(run, "nginx.c32.cpu_us")
    if gateway and nginx:
        rows.append(("CPU per request at c=32, gateway : nginx", f"{gateway.middle / nginx.middle:.1f}"))
    rows += _latency_rows(run)
    if nginx:
        pace = f"{nginx.middle:.0f} µs : {BUDGET_NGINX_CPU_US} µs"
        rows.append(("CPU per request of nginx, here : on the machine of the budgets", pace))
    return rows + _pace_rows(run)


def _pace_rows(run: Run) -> list[Row]:
    """The gateway is Python: how much slower this machine's Python is says uvicorn alone, in the same run."""
    uvicorn = spread(run, "uvicorn.c32.cpu_us")
    if uvicorn is None:
        return []
    pace = f"{uvicorn.middle:.0f} µs : {BUDGET_UVICORN_CPU_US} µs"
    rows: list[Row] = [("CPU per request of uvicorn alone, here : on the machine of the budgets", pace)]
    part = BUDGET_UVICORN_CPU_US / uvicorn.middle
    if gateway := spread(run, "gateway.c32.cpu_us"):
        rows.append(("CPU per request at c=32 at that machine's pace, µs", cell(gateway, scale=part)))
    added, flush = spread(run, "gateway.c1.added_p50_us"), spread(run, "gateway.fdatasync_us")
    if added and flush:
        work_us = added.middle - FLUSHES_PER_CALL * flush.middle
        there_ms = (work_us * part + FLUSHES_PER_CALL * BUDGET_FLUSH_US) / 1000
        rows.append(
            ("added p50 with one connection at that machine's pace, on its disk, ms", f"{there_ms:.2f}")
        )
    return rows


def _latency_rows(run: Run) -> list[Row]:
    """What of the delay of a lone call is this machine's: its disk, and its waking of a sleeping process."""
    rows: list[Row] = []
    added, flush = spread(run, "gateway.c1.added_p50_us"), spread(run, "gateway.fdatasync_us")
    if flush:
        rows.append(("one fdatasync where Valkey's log lies, µs", cell(flush)))
    if added and flush:
        rest_ms = (added.middle - FLUSHES_PER_CALL * flush.middle) / 1000
        rows.append(("added p50 with one connection, less the fdatasyncs of a call, ms", f"{rest_ms:.2f}"))
    if floor := spread(run, "floor.c1.added_p50_us"):
        rows.append(
            (
                "added p50 with one connection of two durable writes and nothing else, ms",
                cell(floor, scale=1e-3, digits=2),
            )
        )
    return rows
