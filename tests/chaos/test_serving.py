"""What is said of serving: an outage has one fault, a 503 too, a kill counts where there was work."""

from __future__ import annotations

from tests.chaos.bounds import Bound, bounds
from tests.chaos.history import Books, Ended, Fault, Glance, History, Invoked, Usage
from tests.chaos.serving import (
    Refused,
    killed_at_work,
    longest_by_kind,
    longest_gap_ms,
    outages,
    refused_by_kind,
    repeats,
)
from tests.chaos.setting import CHAT


def history(*faults: Fault) -> History:
    return History(faults=list(faults))


def call(
    history: History, invoked_ms: int, ended_ms: int, status: int = 200, *, key: str | None = None
) -> None:
    """One attempt; those under one `key` are one operation."""
    name = str(len(history.invoked))
    verdict = "ok" if status == 200 else "fail"
    history.invoked.append(
        Invoked(name, key or name, "gaonde", "chat", CHAT, 0, invoked_ms, keyed=key is not None)
    )
    history.ended.append(Ended(name, verdict, ended_ms, status))  # type: ignore[arg-type]


KILL_VALKEY = Fault("kill valkey", "valkey", 1000, 1000)
KILL_GATEWAY = Fault("kill gateway", "gateway-0", 3000, 3000)


def test_an_outage_ends_with_the_first_answer_to_a_call_made_after_it() -> None:
    seen = history(KILL_VALKEY)
    call(seen, 100, 900)
    call(seen, 200, 1100)  # was on its way already
    call(seen, 1200, 2600)
    call(seen, 1500, 2500)
    call(seen, 2550, 2560)
    assert [outage.ms for outage in outages(seen)] == [1500]


def test_a_stop_is_counted_from_its_end() -> None:
    seen = history(Fault("stop valkey", "valkey", 1000, 4000))
    call(seen, 1500, 3900)
    call(seen, 4000, 4200)
    assert [outage.ms for outage in outages(seen)] == [200]


def test_a_fault_is_not_blamed_for_the_next_one() -> None:
    seen = history(KILL_VALKEY, KILL_GATEWAY)
    call(seen, 100, 900)
    call(seen, 3100, 3400)
    assert longest_by_kind(outages(seen)) == {"kill valkey": 2000, "kill gateway": 400}
    assert longest_gap_ms(seen.ended) == 2500


def test_503s_are_laid_to_the_last_blow_before_them() -> None:
    seen = history(KILL_VALKEY, KILL_GATEWAY)
    call(seen, 100, 500, 503)
    for ended_ms in (1200, 1900, 2800, 3100, 3500):
        call(seen, 1000, ended_ms, 503)
    call(seen, 3600, 3700)
    call(seen, 3600, 3800, 503)
    assert refused_by_kind(seen) == {
        "before the first blow": Refused(1, 0),
        "kill valkey": Refused(3, 1800),  # it was said before already, and on until the next
        "kill gateway": Refused(3, 500),
    }


def test_calls_with_a_key_have_503s_of_their_own() -> None:
    """Calls that need no books are served meanwhile: that ends nothing for those that do."""
    seen = history(KILL_VALKEY)
    call(seen, 1000, 1100, 503, key="k")
    call(seen, 1100, 1500)
    call(seen, 1600, 2100, 503, key="k")
    assert refused_by_kind(seen) == {"kill valkey": Refused(2, 1000)}


def test_repeats_are_told_by_what_came_before() -> None:
    seen = History()
    call(seen, 100, 200, 503, key="a")
    call(seen, 300, 400, 200, key="a")
    call(seen, 500, 600, 200, key="a")
    call(seen, 550, 700, 200, key="a")
    call(seen, 100, 200, 503, key="b")
    call(seen, 100, 200, 503)
    assert repeats(seen) == {"after 503": 1, "after ok": 1, "beside another": 1}


def test_a_kill_counts_where_its_victim_had_worked() -> None:
    def kill(role: str, at_ms: int, note: str = "") -> Fault:
        return Fault(f"kill {role.split('-')[0]}", role, at_ms, at_ms, note)

    seen = history(kill("valkey", 1000), kill("valkey", 2000))
    call(seen, 100, 500)
    seen.glances.append(Glance("gaonde", "self", 1500, 1, 0, 0, 1, 0))
    seen.faults += [kill("postgres", 1000), kill("postgres", 2000), kill("postgres", 3000)]
    seen.faults += [kill("gateway-0", 1000, "gw-a"), kill("gateway-0", 2000, "gw-b")]
    seen.faults += [kill("worker", 1000), kill("worker", 2000)]
    usage = Usage("u", "r", "v", CHAT, "gw-a", "settled", "completed", False, True, 1, 1, 1, 0, 0, 900)
    assert killed_at_work(seen, Books(usages=(usage,))) == {
        "kill valkey": 1,
        "kill postgres": 2,
        "kill gateway": 1,
        "kill worker": 1,
    }


def test_who_was_started_anew_by_another_blow_has_not_served_since() -> None:
    seen = history(
        Fault("stop valkey", "valkey", 600, 700),
        Fault("kill valkey", "valkey", 1000, 1000),
        Fault("stale snapshot", "valkey", 2000, 3000),
        Fault("kill valkey", "valkey", 4000, 4000),
    )
    call(seen, 100, 500)
    call(seen, 1500, 1900)
    assert killed_at_work(seen, Books()) == {"kill valkey": 1}


def test_an_answer_that_was_on_its_way_is_no_work_of_the_newly_started() -> None:
    seen = history(KILL_VALKEY, Fault("kill valkey", "valkey", 2000, 2000))
    call(seen, 100, 500)
    call(seen, 900, 1500)
    assert killed_at_work(seen, Books()) == {"kill valkey": 1}
    call(seen, 1100, 1900)
    assert killed_at_work(seen, Books()) == {"kill valkey": 2}


FIGURES: dict[str, object] = {
    "findings": {"overspent": 0, "lost": 0, "wrong": 0, "refused": 0, "books": 0},
    "audit": {"findings": 0},
    "ok": 5000,
    "not_serving_longest_s": {"kill valkey": 9.9},
    "refused_503": {"kill postgres": {"count": 70, "longest_s": 10.0}},
    "minutes": 30.0,
    "kills_of_who_had_served": {f"kill {role}": 150 for role in ("gateway", "valkey", "postgres", "worker")},
}


def failed(**changes: object) -> list[str]:
    return [str(bound) for bound in bounds(FIGURES | changes) if not bound.is_kept]


def test_a_run_passes_where_every_bound_is_kept() -> None:
    assert failed() == []
    assert failed(minutes=2.0, kills_of_who_had_served={}) == []


def test_each_bound_fails_by_name() -> None:
    kills = {"kill gateway": 149, "kill valkey": 150, "kill postgres": 200}
    assert failed(kills_of_who_had_served=kills) == [
        "kills of a gateway that had served: 149, at least 150",
        "kills of a worker that had served: 0, at least 150",
    ]
    assert failed(refused_503={"disk full": {"count": 1, "longest_s": 10.1}}) == [
        "seconds of 503 by: disk full: 10.1, at most 10"
    ]
    assert failed(not_serving_longest_s={"kill worker": 11.0}) == [
        "seconds without service after: kill worker: 11, at most 10"
    ]
    assert failed(audit={"findings": 2}) == ["findings of the independent checker: 2, at most 0"]
    assert failed(ok=0) == ["completed calls: 0, at least 1"]
    for rule, zero in FIGURES["findings"].items():  # type: ignore[attr-defined]
        assert len(failed(findings={**FIGURES["findings"], rule: zero + 1})) == 1  # type: ignore[dict-item]


def test_a_bound_is_kept_at_its_limit() -> None:
    assert Bound("most", 10, 10).is_kept
    assert Bound("least", 10, 10, is_least=True).is_kept
