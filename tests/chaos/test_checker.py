"""The checker finds what it is there for: each seeded error by rule and sum, and nothing in a sound log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.checker import capacity_micro, check
from tests.chaos.history import (
    Billed,
    Books,
    Ended,
    Fault,
    Glance,
    History,
    Invoked,
    Line,
    Recorder,
    Usage,
    Voucher,
    read_books,
    read_history,
    write_books,
)
from tests.chaos.setting import CHAT, least_micro
from tests.fakes.values import replace

COST = 20 * 1250 + 100 * 5000  # 20 tokens in, 100 out
LEAST = least_micro(CHAT, 100)
SHARE_PPM = 750_000


def voucher(total_won: int = 40, **changes: object) -> Voucher:
    made = Voucher("gaonde-v", "gaonde", total_won * 750_000, total_won * 250_000, SHARE_PPM)
    return replace(made, **changes)


@dataclass(slots=True)
class World:
    """A sound run of one company: calls are added with all that is known of them, then something is bent."""

    history: History
    voucher: Voucher
    usages: dict[str, Usage]
    vendor: list[Billed]

    def call(self, name: str, at_ms: int, *, verdict: str = "ok", **ended: object) -> None:
        self.history.invoked.append(Invoked(f"{name}-0", name, "gaonde", "stream", CHAT, LEAST, at_ms))
        end = Ended(f"{name}-0", "ok", at_ms + 500, 200, usage_id=name, charge_micro=COST, digest="d")
        if verdict != "ok":
            end = Ended(f"{name}-0", verdict, at_ms + 500)  # type: ignore[arg-type]
        self.history.ended.append(replace(end, **ended))

    def book(self, name: str, charge_micro: int = COST, **changes: object) -> None:
        """Booked behind those before, so the split is the step on the voucher's line."""
        before = sum(usage.charge_micro for usage in self.usages.values())
        government = (before + charge_micro) * SHARE_PPM // 10**6 - before * SHARE_PPM // 10**6
        made = Usage(
            usage_id=name,
            request_id=f"{name}-0",
            voucher="gaonde-v",
            product=CHAT,
            gateway="gw",
            kind="settled",
            end_reason="completed",
            estimated=False,
            stream=True,
            output_tokens=100,
            charge_micro=charge_micro,
            government_micro=government,
            self_micro=charge_micro - government,
            uncollected_micro=0,
            posted_ms=0,
        )
        self.usages[name] = replace(made, **changes)

    def bill(self, name: str, **changes: object) -> None:
        self.vendor.append(replace(Billed(f"{name}-0", "complete", 20, 0, 100), **changes))

    def whole(self, name: str, at_ms: int) -> None:
        self.call(name, at_ms)
        self.book(name)
        self.bill(name)

    def glance(self, **changes: object) -> None:
        seen = Glance("gaonde", "government", 5, 100, 40, 30, 30, 0)
        self.history.glances.append(replace(seen, **changes))

    @property
    def books(self) -> Books:
        return Books(vouchers=(self.voucher,), usages=tuple(self.usages.values()), vendor=tuple(self.vendor))


@pytest.fixture
def world() -> World:
    made = World(History(), voucher(), {}, [])
    for number in range(3):
        made.whole(f"a{number}", 1000 * number)
    made.glance()
    return made


def found(world: World) -> dict[str, int]:
    """Micro-won by rule."""
    verdicts = check(world.history, world.books)
    return {finding.rule: verdicts.sum_micro(finding.rule) for finding in verdicts.findings}


def test_a_sound_log_has_no_findings(world: World) -> None:
    verdicts = check(world.history, world.books)
    assert verdicts.findings == []
    assert (verdicts.operations, verdicts.ok, verdicts.charged_micro) == (3, 3, 3 * COST)


def _no_record(world: World) -> None:
    del world.usages["a1"]


def _booked_less(world: World) -> None:
    world.usages["a1"] = replace(
        world.usages["a1"],
        charge_micro=COST - 1,
        self_micro=COST - 1 - world.usages["a1"].government_micro,
    )


def _booked_more(world: World) -> None:
    world.usages["a2"] = replace(
        world.usages["a2"], charge_micro=COST + 1, self_micro=COST + 1 - world.usages["a2"].government_micro
    )


def _not_paid(world: World) -> None:
    usage = world.usages["a2"]
    world.usages["a2"] = replace(usage, uncollected_micro=usage.self_micro, self_micro=0)


def _both_forgot(world: World) -> None:
    """Answer and books agree with each other, but not with the vendor."""
    world.vendor[1] = replace(world.vendor[1], completion_tokens=101)


def _broke_off_beyond_a_checkpoint(world: World) -> None:
    world.call("b", 4000, verdict="unknown", delivered=300)
    world.bill("b", ended="client_gone", completion_tokens=300)


def _nobody_asked_the_vendor(world: World) -> None:
    del world.vendor[1]


def _a_charged_refusal(world: World) -> None:
    world.call("b", 4000, verdict="fail", status=429, code="funds_held")
    world.book("b")
    world.bill("b")


def _refused_as_the_meter_was_away(world: World, usage_id: str | None) -> None:
    world.call("b", 4000, verdict="fail", status=503, code="meter_unavailable", usage_id=usage_id)
    world.book("b", estimated=True, end_reason="voucher_exhausted")
    world.bill("b", completion_tokens=95)


def _twice_for_one_operation(world: World) -> None:
    world.history.invoked.append(Invoked("a1-1", "a1", "gaonde", "stream", CHAT, LEAST, 1500, keyed=True))
    world.book("again", request_id="a1-1")
    world.vendor.append(Billed("a1-1", "complete", 20, 0, 100))


def _two_answers_for_one_operation(world: World) -> None:
    world.history.invoked.append(Invoked("a1-1", "a1", "gaonde", "stream", CHAT, LEAST, 1500, keyed=True))
    world.history.ended.append(Ended("a1-1", "ok", 1600, 200, None, "a1", COST, digest="another"))


def _estimated_far_too_high(world: World) -> None:
    world.call("b", 4000, verdict="unknown", delivered=100)
    world.book("b", estimated=True, end_reason="upstream_error", output_tokens=134)
    world.bill("b", ended="fault")


def _more_than_granted(world: World) -> None:
    world.voucher = voucher(0, government_micro=3 * COST * 3 // 4 - 10, self_micro=COST)


def _a_glance_below_zero(world: World) -> None:
    world.glance(held_micro=75, available_micro=-15)


def _a_glance_that_does_not_add_up(world: World) -> None:
    world.glance(spent_micro=47)


def _refused_although_it_could_pay(world: World) -> None:
    world.call("r", 5000, verdict="fail", status=402, code="voucher_exhausted")


def _wrong_shares(world: World) -> None:
    usage = world.usages["a0"]
    world.usages["a0"] = replace(
        usage, government_micro=usage.government_micro + 1, self_micro=usage.self_micro - 1
    )


def _shown_otherwise(world: World) -> None:
    world.voucher = voucher(shown_spent_micro=3 * COST - 5)


def _still_held(world: World) -> None:
    world.voucher = voucher(shown_held_micro=9)


SEEDED: dict[str, tuple[Callable[[World], None], dict[str, int]]] = {
    "a completed call has no record": (_no_record, {"lost": COST}),
    "booked a micro-won less than said": (_booked_less, {"lost": 2, "wrong": 1, "books": 0}),
    "booked a micro-won more than said": (_booked_more, {"wrong": 2}),
    "completed and not paid": (_not_paid, {"lost": COST // 4, "books": 0}),
    "the vendor counted a token more": (_both_forgot, {"lost": 5000, "wrong": 5000}),
    "broke off beyond a checkpoint": (_broke_off_beyond_a_checkpoint, {"lost": 44 * 5000}),
    "charged, and the vendor never saw it": (_nobody_asked_the_vendor, {"wrong": COST}),
    "a refusal is charged": (_a_charged_refusal, {"wrong": COST}),
    "one operation is charged twice": (_twice_for_one_operation, {"wrong": COST}),
    "one key, two answers": (_two_answers_for_one_operation, {"wrong": 0}),
    "estimated far above what was said": (_estimated_far_too_high, {"wrong": 5000}),
    "a source pays more than granted": (_more_than_granted, {"overspent": 10}),
    "a balance below zero": (_a_glance_below_zero, {"overspent": 15}),
    "a balance that does not add up": (_a_glance_that_does_not_add_up, {"overspent": 7}),
    "402 although it could be paid": (_refused_although_it_could_pay, {"refused": LEAST}),
    "shares that are not the rule's": (_wrong_shares, {"books": 0}),
    "the balance shows another sum": (_shown_otherwise, {"books": 5}),
    "a hold that never ended": (_still_held, {"books": 9}),
}


@pytest.mark.parametrize("name", SEEDED)
def test_each_seeded_error_is_found(world: World, name: str) -> None:
    bend, expected = SEEDED[name]
    bend(world)
    rules = found(world)
    assert rules.items() >= {rule: micro for rule, micro in expected.items() if micro}.items()
    assert set(rules) == set(expected)


@pytest.mark.parametrize(("named", "rules"), [("b", set()), (None, {"wrong"})], ids=["named", "not named"])
def test_a_503_whose_charge_could_not_be_written_down_names_its_record(
    world: World, named: str | None, rules: set[str]
) -> None:
    _refused_as_the_meter_was_away(world, named)
    assert set(found(world)) == rules


def test_of_a_call_made_again_under_its_key_the_last_try_is_charged(world: World) -> None:
    world.call("b", 4000, verdict="unknown", delivered=400)
    world.history.invoked.append(Invoked("b-1", "b", "gaonde", "stream", CHAT, LEAST, 4600, keyed=True))
    world.history.ended.append(Ended("b-1", "ok", 4900, 200, None, "b", COST, digest="d"))
    world.book("b", request_id="b-1")
    world.vendor.append(Billed("b-0", "client_gone", 20, 0, 400))
    world.vendor.append(Billed("b-1", "complete", 20, 0, 100))
    assert found(world) == {}


@pytest.mark.parametrize(
    ("books", "micro"),
    [
        ({"ledger_faults": ("an entry does not balance: []",)}, 0),
        ({"ledger_sum_micro": -3}, 3),
        ({"parked": 1}, 0),
        ({"open_ends": 2}, 0),
    ],
)
def test_what_the_books_say_of_themselves(world: World, books: dict[str, object], micro: int) -> None:
    verdicts = check(world.history, replace(world.books, **books))
    assert (verdicts.count("books"), verdicts.sum_micro("books")) == (1, micro)


# -- a 402 is right where the most that can have been spent by then leaves too little


def _refusal(spent_after_ms: int, *, left: int, until_ms: int = 10_000) -> dict[str, int]:
    """A voucher that three calls leave with `left` for the least answer; they begin at `spent_after_ms`."""
    world = World(History(), voucher(0, government_micro=0, self_micro=0), {}, [])
    for number in range(3):
        world.whole(f"a{number}", spent_after_ms)
    capacity = 3 * COST + left
    government = capacity * 3 // 4
    world.voucher = voucher(0, government_micro=government, self_micro=capacity - government)
    world.call("r", until_ms - 500, verdict="fail", status=402, code="voucher_exhausted")
    return found(world)


def test_spent_before_the_refusal_it_is_right() -> None:
    assert _refusal(0, left=LEAST - 1) == {}


def test_with_just_the_least_answer_left_it_is_wrong() -> None:
    assert _refusal(0, left=LEAST) == {"refused": LEAST}


def test_what_began_later_explains_no_refusal() -> None:
    assert _refusal(10_001, left=LEAST - 1) == {"refused": LEAST}


def test_what_ran_at_that_time_counts_with_all_it_came_to_cost() -> None:
    assert _refusal(9_999, left=LEAST - 1) == {}


def test_money_that_was_merely_held_explains_no_402(world: World) -> None:
    """Its gateway died and it came to cost nothing: 429 or 503 might have been said, not 402."""
    world.voucher = voucher(0, government_micro=3 * COST * 3 // 4 + LEAST, self_micro=3 * COST // 4 + LEAST)
    world.call("dead", 4000, verdict="unknown")
    world.book("dead", charge_micro=0, government_micro=0, self_micro=0, kind="swept")
    world.call("r", 4500, verdict="fail", status=402, code="voucher_exhausted")
    assert found(world) == {"refused": LEAST}


def test_another_refusal_is_never_a_wrong_402(world: World) -> None:
    world.call("r", 5000, verdict="fail", status=429, code="funds_held")
    world.call("s", 5000, verdict="fail", status=503, code="meter_unavailable")
    assert found(world) == {}


@pytest.mark.parametrize(
    ("government", "own", "capacity"),
    [(75, 25, 100), (75, 1000, 101), (1000, 25, 100), (0, 1000, 1), (0, 0, 0)],
)
def test_the_capacity_is_where_the_first_source_ends(government: int, own: int, capacity: int) -> None:
    made = voucher(0, government_micro=government, self_micro=own)
    assert capacity_micro(made) == capacity


# -- unknown outcomes


def test_unknown_outcomes_are_resolved_by_the_books(world: World) -> None:
    world.call("charged", 4000, verdict="unknown")
    world.book("charged", estimated=True, end_reason="upstream_error")
    world.bill("charged", ended="fault")
    world.call("released", 4000, verdict="unknown")
    world.book("released", charge_micro=0, government_micro=0, self_micro=0)
    world.call("worked", 4000, verdict="unknown")
    world.bill("worked", ended="client_gone")
    world.call("never", 4000, verdict="unknown")
    verdicts = check(world.history, world.books)
    assert verdicts.findings == []
    assert verdicts.resolved == {
        "charged": 1,
        "released": 1,
        "not booked, the vendor worked": 1,
        "never begun": 1,
    }
    assert verdicts.unbooked_micro == COST


def test_what_is_written_is_what_is_read(world: World, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl")
    lines: list[Line] = [*world.history.invoked, *world.history.ended, *world.history.glances]
    for line in lines:
        recorder.note(line)
    recorder.note(Fault("kill valkey", "valkey", 1, 1))
    recorder.close()
    write_books(world.books, tmp_path / "books.json")
    with (tmp_path / "history.jsonl").open(encoding="utf-8") as written:
        assert read_history(written) == recorder.history
    assert read_books(tmp_path / "books.json") == world.books
