"""The rig keeps its word: the vendor answers what the audit counts on, and the load counts the same calls."""

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest
import redis

from bench.books import Audit
from bench.measures import Figures
from bench.plan import QUICK
from bench.ratios import other_rows
from bench.report import BEGIN, END, add_differences, budget_rows, is_sound, write_into
from bench.rig import Load, Served, Vendor, compile_rig, run_load
from bench.run import Run
from bench.setting import REQUEST_BYTES, charge_micro_krw, write_requests
from bench.subjects import Floor


@pytest.mark.slow
def test_load_and_vendor_count_the_same_calls(tmp_path: Path) -> None:
    compile_rig()
    requests = write_requests(tmp_path)
    vendor = Vendor()
    try:
        unary = run_load(
            Load("unary", 2, 20, 50), port=vendor.port, request=requests.unary, pids=[vendor.pid]
        )
        assert vendor.served().unary >= unary.answers > 0
        assert unary.errors == 0
        assert 0 < unary.p50_us <= unary.p99_us

        request = tmp_path / "short.http"
        body = b'{"stream": true, "note": "pace_ms=2 chunks=3"}'
        request.write_bytes(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        streams = run_load(Load("stream", 4, 40, 100), port=vendor.port, request=request, pids=[vendor.pid])
        assert streams.errors == 0
        assert streams.chunks >= 3 * 4
        assert streams.p99_us < 1_000_000
    finally:
        vendor.stop()


@pytest.mark.slow
def test_the_vendor_reports_the_usage_that_the_audit_multiplies(tmp_path: Path) -> None:
    compile_rig()
    vendor = Vendor()
    try:
        connection = HTTPConnection("127.0.0.1", vendor.port, timeout=5)
        connection.request("POST", "/v1/chat/completions", body=b"{}")
        answer = connection.getresponse().read()
        assert len(answer) == 599
        connection.request("POST", "/v1/chat/completions", body=b'{"stream":true,"x":"pace_ms=1 chunks=2"}')
        frames = connection.getresponse().read().decode().split("\n\n")
        connection.close()
        served = vendor.served()
    finally:
        vendor.stop()
    assert [len(frame) + 2 for frame in frames[:2]] == [290, 290]
    usages = [json.loads(answer)["usage"], json.loads(frames[3].removeprefix("data: "))["usage"]]
    assert frames[4] == "data: [DONE]"
    assert served == Served(unary=1, streams=1)
    assert charge_micro_krw(served) == sum(
        usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 4000 for usage in usages
    )


@pytest.mark.slow
def test_the_floor_writes_twice_for_each_call_that_the_vendor_serves(tmp_path: Path) -> None:
    compile_rig()
    vendor = Vendor()
    floor = Floor(vendor_port=vendor.port)
    try:
        requests = write_requests(tmp_path)
        load = Load("unary", 2, 20, 50)
        answers = run_load(load, port=floor.port, request=requests.unary, pids=floor.pids()).answers
        with redis.Redis.from_url(floor.valkey_url) as valkey:
            writes = valkey.info("commandstats")["cmdstat_set"]["calls"]
        served = vendor.served().unary
    finally:
        floor.stop()
        vendor.stop()
    assert 0 < 2 * answers <= writes <= 2 * (served + 2)  # two may be on their way


def test_requests_have_the_promised_size(tmp_path: Path) -> None:
    requests = write_requests(tmp_path)
    for path in (requests.unary, requests.stream):
        head, _, body = path.read_bytes().partition(b"\r\n\r\n")
        assert len(head) + 4 + len(body) == REQUEST_BYTES
        assert f"Content-Length: {len(body)}".encode() in head
        json.loads(body)


def test_the_page_gets_medians_and_a_verdict_per_budget(tmp_path: Path) -> None:
    rounds: list[Figures] = [
        {
            "direct.c1.p50_us": 10.0,
            "nginx.c1.p50_us": 50.0,
            "gateway.c1.p50_us": 410.0 + extra,
            "gateway.c32.cpu_us": 290.0 + extra,
        }
        for extra in (0, 5, 40)
    ]
    for figures in rounds:
        add_differences(figures)
    audit = Audit(
        when="round 1",
        calls=2,
        cut=0,
        expected_micro_krw=1_000_001,
        spent_micro_krw=1_000_001,
        held_micro_krw=0,
    )
    run = a_run(rounds, audit)
    by_name = {row[0]: row for row in budget_rows(run)}
    assert by_name["CPU per unary request, money on (c=32)"][3:] == ("295 (290–330)", "met")
    assert by_name["added latency p50, one connection"][3:] == ("0.41 (0.40–0.44)", "met")
    assert by_name["p50 of a lone call, times nginx's in the run"][3:] == ("8.30 (8.20–9.00)", "met")
    assert by_name["posting, one worker"][3:] == ("–", "not measured")

    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, run)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "1.000001 won spent" in text


def test_a_figure_that_cannot_be_meets_no_budget() -> None:
    figures: Figures = {"gateway.s500.kib": -1.0, "gateway.s2000.kib": 20.0, "gateway.s500.failed": 1.0} | {
        "gateway.held": 0.0
    }
    run = Run(
        machine="a machine",
        date="a day",
        command="python -m bench",
        versions="some",
        plan=QUICK,
        rounds=(figures,),
        audits=(),
    )
    verdicts = {row[0]: row[4] for row in budget_rows(run)}
    assert verdicts["memory per open stream"] == "not measured"
    assert verdicts["streams held on one core"] == "not met"
    assert not is_sound(run)


def test_a_slower_machine_is_told_by_what_uvicorn_and_a_flush_take_there() -> None:
    figures = {
        "direct.c1.p50_us": 10.0,
        "nginx.c1.p50_us": 50.0,
        "floor.c1.p50_us": 310.0,
        "gateway.c1.p50_us": 415.0,
        "gateway.c32.cpu_us": 295.0,
        "gateway.fdatasync_us": 100.0,
        "uvicorn.c32.cpu_us": 90.0,
    }
    add_differences(figures)
    others = {row[0]: row[1] for row in other_rows(a_run([figures]))}
    assert others["added p50 with one connection of two durable writes and nothing else, ms"] == "0.30"
    there = "added p50 with one connection at that machine's pace, on its disk, ms"
    assert others[there] == "0.24"  # two flushes of 70, and half of the rest: Python is twice as fast
    assert others["CPU per request at c=32 at that machine's pace, µs"] == "148"


def a_run(rounds: list[Figures], *audits: Audit) -> Run:
    return Run(
        machine="a machine",
        date="a day",
        command="python -m bench",
        versions="some",
        plan=QUICK,
        rounds=tuple(rounds),
        audits=audits,
    )
