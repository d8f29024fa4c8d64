"""An independent record of a run: what the vendor counted, what the clients got, what every voucher can pay.

It shares no arithmetic with the product. Charges are fractions of the counted tokens, rounded here once more;
exposure is the sum of what calls hold or owe, by the callers' own view, whatever any purse says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

HALF: Final = Fraction(1, 2)
CHANGE_S: Final = 1.0


class Broken(Exception):
    """An invariant does not hold. `law` is its short name."""

    def __init__(self, law: str, words: str) -> None:
        super().__init__(f"{law}: {words}")
        self.law = law


@dataclass(slots=True, eq=False)
class Call:
    """One attempt of a call, by the client's and the vendor's account. Repeats of a key may share an op."""

    gateway: str
    vouchers: tuple[str, ...]
    asked_s: float
    key: str | None = None  # the Idempotency-Key it carries
    op: str = ""  # known when it is admitted
    least_micro: int = 0
    voucher: str | None = None
    granted_micro: int = 0
    floors_micro: list[int] = field(default_factory=list)  # checkpoints that may have been told
    told_micro: int = 0  # the last checkpoint that the purse has
    due_micro: int | None = None  # known with the vendor's last word
    completed: bool = False  # the client saw the end of the answer
    swept: bool = False  # the hold was ended by the sweeper while its gateway may live
    lost: bool = False  # its gateway was killed while it ran
    unwritten: bool = False  # no disk took its charge
    forgotten: bool = False  # nor is its gateway left to tell of it
    astray: bool = False  # what the purse was told of its end may be gone with a data set
    again: bool = False  # its client made it again, under its key
    over_micro: int = 0  # of its due, beyond every hold

    @property
    def exposed_micro(self) -> int:
        """What is certainly held or owed.

        Once another try is made, nothing by one that no disk charged, nor by one that runs on somewhere: its
        hold is the other's. Nor by one of which nobody may be left to know.
        """
        if self.forgotten and self.astray:
            return 0
        if self.again and (self.unwritten or self.due_micro is None):
            return 0
        if self.voucher is None or self.swept or self.lost:
            return 0 if self.due_micro is None or self.swept else min(self.due_micro, self.granted_micro)
        return self.granted_micro if self.due_micro is None else min(self.due_micro, self.granted_micro)

    @property
    def may_cost_micro(self) -> int:
        """At most this much of its voucher is used up by it, once it has ended."""
        if self.due_micro is not None:
            return self.due_micro
        if self.swept:
            return max(self.floors_micro, default=0)
        return self.granted_micro if self.lost else 0


@dataclass(slots=True)
class Line:
    """A voucher: how far it reaches, at which times."""

    share_ppm: int
    capacity_micro: int
    changes: list[tuple[float, int]] = field(default_factory=list)
    highest_micro: int = 0  # while a change is under way, the larger of both


class Model:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.ops: set[str] = set()  # that any gateway made
        self.lines: dict[str, Line] = {}
        self.refusals: Counter[str] = Counter()
        self.exposed: Counter[str] = Counter()
        self._of_op: defaultdict[str, list[Call]] = defaultdict(list)
        self._counted: Counter[tuple[str, str]] = Counter()  # (op, voucher) -> exposed

    # -- what happens

    def admitted(self, call: Call, op: str, voucher: str, granted_micro: int) -> None:
        call.op, call.voucher, call.granted_micro = op, voucher, granted_micro
        for former in self._of_op[op]:
            former.again = True
            self.note(former)
        self._of_op[op].append(call)
        self.note(call)

    def of_op(self, op: str) -> Sequence[Call]:
        return self._of_op.get(op, ())

    def memory_lost(self) -> None:
        """Checkpoints were in the purse only; so were charges that no disk took."""
        for call in self.calls:
            call.told_micro = 0
            call.astray = call.astray or call.unwritten
            self.note(call)

    def killed(self, gateway: str) -> None:
        for call in self.calls:
            if call.gateway != gateway:
                continue
            call.lost = call.lost or call.due_micro is None
            call.forgotten = call.unwritten
            self.note(call)

    def note(self, call: Call) -> None:
        """Something about a call changed; nothing may be held or owed beyond what was granted (G1)."""
        if call.voucher is None:
            return
        at = (call.op, call.voucher)
        tries = [one.exposed_micro for one in self._of_op[call.op] if one.voucher == call.voucher]
        exposed = min([micro for micro in tries if micro], default=0)  # of several tries one is charged
        self.exposed[call.voucher] += exposed - self._counted[at]
        self._counted[at] = exposed
        line = self.lines[call.voucher]
        if self.exposed[call.voucher] > max(line.capacity_micro, line.highest_micro):
            raise Broken(
                "G1 overspent",
                f"{call.voucher} has {max(line.capacity_micro, line.highest_micro)}, and calls hold and owe"
                f" {self.exposed[call.voucher]} with {call.op}",
            )

    def held_back(self, call: Call, patience_s: float, now_s: float) -> None:
        """429. It must have waited for the money that others hold (G3)."""
        if now_s - call.asked_s < patience_s:
            raise Broken("G3 waited", f"{call.op} was refused after {now_s - call.asked_s:.3f} s")

    def refused(self, call: Call, now_s: float) -> None:
        """402. By our own account, could one of its vouchers have paid the least answer (G3)?

        While a grant is lowered its money is on its way from the purse to the books, and a gateway believes
        for a moment what the books said before.
        """
        for voucher in call.vouchers:
            line = self.lines[voucher]
            if line.highest_micro or any(now_s - at < CHANGE_S for at, _ in line.changes):
                continue
            capacity = min([line.capacity_micro, *[c for at, c in line.changes if at >= call.asked_s]])
            used = sum(other.may_cost_micro for other in self.calls if other.voucher == voucher)
            if capacity - used >= call.least_micro:
                raise Broken(
                    "G3 refused",
                    f"{call.op} at {now_s:.3f}: {voucher} can still pay {capacity - used} of {capacity},"
                    f" {call.least_micro} would do",
                )

    def change_begins(self, voucher: str, capacity_micro: int) -> None:
        line = self.lines[voucher]
        line.highest_micro = max(line.highest_micro, capacity_micro)

    def change_ends(self, voucher: str, capacity_micro: int, now_s: float) -> None:
        line = self.lines[voucher]
        line.changes.append((now_s, min(line.capacity_micro, capacity_micro)))
        line.capacity_micro, line.highest_micro = capacity_micro, 0

    # -- at the end

    def check_booked(self, booked: dict[str, tuple[str, int, int]]) -> None:
        """op -> voucher, charge, uncollected, by the books. Each call's own truth (G2)."""
        for op, calls in self._of_op.items():
            _check_charge(op, calls, booked[op][1] if op in booked else None)
        if strangers := set(booked) - self.ops:
            raise Broken("G2 charge", f"the books know calls nobody made: {sorted(strangers)[:3]}")
        charged: defaultdict[str, set[str]] = defaultdict(set)
        for call in self.calls:
            if call.key is not None and call.op in booked and booked[call.op][1]:
                charged[call.key].add(call.op)
        if twice := {key: sorted(ops) for key, ops in charged.items() if len(ops) > 1}:
            raise Broken("G2 once", f"keys that were charged twice: {twice}")
        self._check_uncollected(booked)

    def _check_uncollected(self, booked: dict[str, tuple[str, int, int]]) -> None:
        """Only an overrun, or a call swept while it ran, may cost more than there is.

        And one whose gateway died: its hold is swept at the last checkpoint of the purse, and gives back
        what the one after that, in the journal, still costs.
        """
        allowed: Counter[str] = Counter()
        for call in self.calls:
            if call.voucher is not None:
                allowed[call.voucher] += call.over_micro
                if call.swept:
                    allowed[call.voucher] += call.due_micro or 0
                elif call.lost and call.due_micro is None:
                    allowed[call.voucher] += max(0, max(call.floors_micro, default=0) - call.told_micro)
        owed: Counter[str] = Counter()
        for voucher, _, uncollected in booked.values():
            owed[voucher] += uncollected
        for voucher, micro in owed.items():
            if micro > allowed[voucher]:
                raise Broken(
                    "G1 uncollected",
                    f"{voucher}: {micro} could not be collected, {allowed[voucher]} explained",
                )


def _check_charge(op: str, calls: Sequence[Call], charge: int | None) -> None:
    """One op was run once, or again where its first gateway had died."""
    dues = {call.due_micro for call in calls if call.due_micro}
    if dues:
        if charge not in dues and not all(call.forgotten for call in calls if call.due_micro):
            raise Broken("G2 charge", f"{op} costs {sorted(dues)}, the books say {charge}")
        answered = [call.due_micro for call in calls if call.due_micro and call.completed]
        if answered and charge != answered[-1] and not any(call.forgotten for call in calls):
            raise Broken("G2 told", f"{op} ended at {answered[-1]} for its caller, the books say {charge}")
        return
    floors = {floor for call in calls for floor in call.floors_micro}
    if charge not in (None, 0, *floors):
        raise Broken("G2 charge", f"{op} never ended, the books charge {charge}")
    told = max([call.told_micro for call in calls if call.due_micro is None], default=0)
    if (charge or 0) < told:
        raise Broken("G2 checkpoint", f"{op} was told at {told}, the books charge {charge}")


def cost_micro(
    *, input_tokens: int, output_tokens: int, input_price: int, output_price: int, per_request: int
) -> int:
    """Price times count, half up to the micro-won. Prices are micro-won per million tokens."""
    exact = Fraction(input_tokens * input_price + output_tokens * output_price, 1_000_000) + per_request
    return int(exact + HALF)
