"""The measures: one round takes every figure of every subject, on processes that were started for it.

A figure is a plain number under a name such as `gateway.c32.cpu_us`, so that rounds can be laid beside one
another: medians and spread are then the same for all of them.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from bench.books import Audit, CompanyClient, audit
from bench.machine import RIG_CORE, SUBJECT_CORE, fdatasync_us, pin, sample
from bench.plan import Plan
from bench.rig import Load, RigError, Served, Vendor, Window, run_load
from bench.setting import Requests
from bench.subjects import Direct, Floor, Gateway, Nginx, Plain, Subject

SETTLING_S = 3.0  # until what was posted is acknowledged and let go
HELD_DELAY_P99_US = 10_000  # the definition of "held": chunks are late by no more than this, at p99
HELD_TRIES_MAX = 3
PACE_CONNECTIONS = 32
HELD_FOREIGN_SHARE_MAX = 0.03
CHUNKS_PER_STREAM_SECOND = 100 / 2.02  # 100 chunks, then the end one pace later

Figures = dict[str, float]
Tell = Callable[[str], None]


WARM_STREAMS: Final = 20


class Round:
    """One start of every subject, in a fixed order, against one vendor."""

    def __init__(
        self,
        *,
        plan: Plan,
        program: Path,
        vendor: Vendor,
        requests: Requests,
        tell: Tell,
        held_guess: Figures,
    ) -> None:
        self.figures: Figures = {}
        self.audits: list[Audit] = []
        self._cut = 0
        self._plan = plan
        self._program = program
        self._vendor = vendor
        self._requests = requests
        self._tell = tell
        self._held_guess = held_guess

    def run(self, names: tuple[str, ...]) -> None:
        if "direct" in names:
            self._measure(Direct(vendor_port=self._vendor.port))
        if "nginx" in names:
            self._measure(Nginx(vendor_port=self._vendor.port))
        if "gateway" in names:
            self._what_the_machine_takes()
            before = self._vendor.served()
            self._tell("gateway: starting")
            today = date.today()  # noqa: DTZ011 the machine's own day
            gateway = Gateway(program=self._program, vendor_port=self._vendor.port, today=today)
            try:
                self.figures["gateway.fdatasync_us"] = fdatasync_us(gateway.data_dir)
                self._measure(gateway, between=lambda: self._post_and_audit(gateway, before))
                self._check_books(gateway, when="at the end", before=before)
            finally:
                gateway.stop()

    def _what_the_machine_takes(self) -> None:
        pace = self._aside(Plain(), "uvicorn alone", connections=PACE_CONNECTIONS)
        self.figures[f"uvicorn.c{PACE_CONNECTIONS}.cpu_us"] = pace.cpu_s * 1e6 / pace.answers
        floor = Floor(vendor_port=self._vendor.port)
        least = self._aside(floor, "the least that a lone call costs", connections=1)
        self.figures["floor.c1.p50_us"] = least.p50_us

    def _aside(self, subject: Plain | Floor, what: str, *, connections: int) -> Window:
        self._tell(what)
        load = Load("unary", connections, self._plan.unary_warm_ms, self._plan.unary_measure_ms)
        try:
            return run_load(load, port=subject.port, request=self._requests.unary, pids=subject.pids())
        finally:
            subject.stop()

    def _measure(self, subject: Subject, *, between: Callable[[], None] | None = None) -> None:
        try:
            # Streams first: their memory is counted from a process that has not piled anything up yet.
            self._warm(subject)
            self._streams(subject)
            self._unary(subject)
            if between is not None:
                between()
            self._held(subject)
        finally:
            if not isinstance(subject, Gateway):
                subject.stop()

    def _put(self, subject: Subject, name: str, value: float) -> None:
        self.figures[f"{subject.name}.{name}"] = value

    def _warm(self, subject: Subject) -> None:
        """What is made once is made now: connections, caches, the first loan."""
        load = Load("unary", 8, 500, 500)
        run_load(load, port=subject.port, request=self._requests.unary, pids=[])
        time.sleep(SETTLING_S)

    # ---- one answer at a time per connection

    def _unary(self, subject: Subject) -> None:
        plan = self._plan
        pids = subject.pids()
        for connections in plan.unary_connections:
            self._tell(f"{subject.name}: unary, {connections} connections")
            load = Load("unary", connections, plan.unary_warm_ms, plan.unary_measure_ms)
            window = run_load(load, port=subject.port, request=self._requests.unary, pids=pids)
            name = f"c{connections}"
            self._put(subject, f"{name}.rps", window.answers / window.seconds)
            self._put(subject, f"{name}.p50_us", window.p50_us)
            self._put(subject, f"{name}.p99_us", window.p99_us)
            self._put(subject, f"{name}.foreign_percent", window.foreign_share * 100)
            if pids:
                self._put(subject, f"{name}.cpu_us", window.cpu_s * 1e6 / window.answers)
                self._put(subject, f"{name}.rss_mib", window.after.rss_bytes / 2**20)

    # ---- streams paced 20 ms

    def _stream_window(self, subject: Subject, *, streams: int, errors_allowed: bool = False) -> Window:
        self._tell(f"{subject.name}: {streams} streams")
        load = Load("stream", streams, self._plan.stream_warm_ms, self._plan.stream_measure_ms)
        window = run_load(
            load,
            port=subject.port,
            request=self._requests.stream,
            pids=subject.pids(),
            errors_allowed=errors_allowed,
        )
        if isinstance(subject, Gateway):
            self._cut += window.cut
        return window

    def _streams(self, subject: Subject) -> None:
        # A first round brings in what a process needs once, whatever it serves: no stream's own memory.
        self._stream_window(subject, streams=WARM_STREAMS, errors_allowed=True)
        idle_bytes = sample(subject.pids()).rss_bytes
        for streams in self._plan.streams:
            window = self._stream_window(subject, streams=streams, errors_allowed=True)
            name = f"s{streams}"
            self._put(subject, f"{name}.failed", window.cut + window.short)
            self._put(subject, f"{name}.p50_us", window.p50_us)
            self._put(subject, f"{name}.p99_us", window.p99_us)
            self._put(subject, f"{name}.chunk_share", _chunk_share(window, streams=streams))
            self._put(subject, f"{name}.foreign_percent", window.foreign_share * 100)
            if subject.pids():
                open_bytes = max(window.before.rss_bytes, window.after.rss_bytes)
                self._put(subject, f"{name}.kib", (open_bytes - idle_bytes) / 1024 / streams)
                self._put(subject, f"{name}.cpu_us_per_chunk", window.cpu_s * 1e6 / max(1, window.chunks))

    def _held(self, subject: Subject) -> None:
        """Goes towards the limit by thirds, then bisects; the answer is the largest number that held."""
        plan = self._plan
        holds, fails = 0, plan.held_streams_max + 1
        guess = {"direct": plan.held_streams_max, "nginx": 1500, "gateway": 400}[subject.name]
        streams = int(self._held_guess.get(f"{subject.name}.held", guess))
        while fails - holds > max(10, int(plan.held_precision * holds)):
            if self._holds(subject, streams):
                holds = streams
            else:
                fails = streams
            if holds >= plan.held_streams_max or fails <= 10:
                break
            if fails > plan.held_streams_max:
                streams = min(plan.held_streams_max, holds * 4 // 3)
            else:
                streams = (holds + fails) // 2 if holds else fails * 3 // 4
        self._put(subject, "held", holds)
        self._put(subject, "held_is_cap", float(fails > plan.held_streams_max))

    def _holds(self, subject: Subject, streams: int) -> bool:
        """A failure in a window in which others had the core says nothing: it is measured again."""
        for _ in range(HELD_TRIES_MAX):
            window = self._stream_window(subject, streams=streams, errors_allowed=True)
            is_whole = window.cut == 0 and window.short == 0 and _chunk_share(window, streams=streams) > 0.95
            if is_whole and window.p99_us <= HELD_DELAY_P99_US:
                return True
            if window.foreign_share <= HELD_FOREIGN_SHARE_MAX:
                break
        return False

    # ---- the books

    def _post_and_audit(self, gateway: Gateway, before: Served) -> None:
        self._posting(gateway)
        self._check_books(gateway, when="before the search for streams held", before=before)

    def _posting(self, gateway: Gateway) -> None:
        """Stops the worker, lets settled calls pile up, lets it go on, and takes the time.

        It goes on on the measured core, where only the gateway's acknowledgements are left to do, so that the
        figure is the worker's own and not what PostgreSQL beside it leaves over.
        """
        plan = self._plan
        workers = gateway.worker_pids()
        if not workers:
            raise RigError("no process in the role worker is running")
        client = CompanyClient(gateway.port)
        client.wait_until_posted(client.call(self._requests.unary), poll_s=0.05)
        before = self._vendor.served()
        self._tell("gateway: a backlog for the worker")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            load = Load("unary", 32, 100, plan.backlog_ms)
            run_load(load, port=gateway.port, request=self._requests.unary, pids=[])
            last = client.call(self._requests.unary)
            for pid in workers:
                pin(pid, core=SUBJECT_CORE)
        finally:
            used_before = sample(workers)
            begin = time.monotonic()
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        self._tell("gateway: posting the backlog")
        client.wait_until_posted(last, poll_s=0.02)
        seconds = time.monotonic() - begin
        calls = (self._vendor.served() - before).unary
        self._put(gateway, "posting.calls_per_s", calls / seconds)
        self._put(gateway, "posting.backlog", calls)
        self._put(gateway, "posting.cpu_us", (sample(workers).cpu_s - used_before.cpu_s) * 1e6 / calls)
        for pid in workers:
            pin(pid, core=RIG_CORE)

    def _check_books(self, gateway: Gateway, *, when: str, before: Served) -> None:
        self._tell("gateway: the books")
        client = CompanyClient(gateway.port)
        client.wait_until_posted(client.call(self._requests.unary), poll_s=0.1)
        served = self._vendor.served() - before
        self.audits.append(audit(client, when=when, served=served, cut=self._cut))


def _chunk_share(window: Window, *, streams: int) -> float:
    """Chunks that came through, of those an unhurried vendor would have sent."""
    return window.chunks / (streams * window.seconds * CHUNKS_PER_STREAM_SECOND)
