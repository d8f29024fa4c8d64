"""What was seen from outside: one line per thing that a client, a fault or the books said. Values only.

The clients' log has a line when a call is invoked and one when it ends: `ok` (the whole answer arrived),
`fail` (refused, with our code) or `unknown` (it broke off, or nobody answered: the books know what it cost).
Times are milliseconds since 1970, amounts micro-won. Attempts of one operation share an Idempotency-Key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeVar

Verdict = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Invoked:
    """`least_micro`: the least this call could have cost, the input bound and one output token."""

    request_id: str
    operation: str
    company: str
    kind: str  # chat, stream, embed, leave, probe
    product: str
    least_micro: int
    at_ms: int
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """`delivered` counts the pieces of text that arrived, None where the answer was not streamed."""

    request_id: str
    verdict: Verdict
    at_ms: int
    status: int = 0
    code: str | None = None
    usage_id: str | None = None
    charge_micro: int | None = None  # as the answer itself said
    delivered: int | None = None
    digest: str | None = None  # of the whole answer, to compare a replayed one


@dataclass(frozen=True, slots=True)
class Fault:
    """`until_ms`: when it was over by our own doing; for a kill that is at once."""

    kind: str
    target: str
    at_ms: int
    until_ms: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """What GET /v1/voucher said of one source at one instant while the faults went on."""

    company: str
    source: str
    at_ms: int
    granted_micro: int
    spent_micro: int
    held_micro: int
    available_micro: int
    returned_micro: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The last step of one call in the books."""

    usage_id: str
    request_id: str
    voucher: str
    product: str
    gateway: str
    kind: str  # settled, swept, correction
    end_reason: str
    estimated: bool
    stream: bool
    output_tokens: int
    charge_micro: int
    government_micro: int
    self_micro: int
    uncollected_micro: int
    posted_ms: int  # when its first step was posted


@dataclass(frozen=True, slots=True)
class Billed:
    """One call in the vendor's own log; None: it bills nothing."""

    request_id: str
    ended: str  # complete, client_gone, fault, open
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Voucher:
    voucher: str
    company: str
    government_micro: int
    self_micro: int
    share_ppm: int
    shown_spent_micro: int | None = None  # by GET /v1/voucher, at the end
    shown_held_micro: int | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The end. `faults` are the findings of the ledger's own trial balance."""

    vouchers: tuple[Voucher, ...] = ()
    usages: tuple[Usage, ...] = ()
    vendor: tuple[Billed, ...] = ()
    ledger_faults: tuple[str, ...] = ()
    ledger_sum_micro: int = 0
    parked: int = 0
    open_ends: int = 0  # claims that are left, epochs that are not closed


@dataclass(slots=True)
class History:
    invoked: list[Invoked] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    glances: list[Glance] = field(default_factory=list)


Line = Invoked | Ended | Fault | Glance
_KINDS: Final[Mapping[str, type[Line]]] = {
    "invoke": Invoked,
    "end": Ended,
    "fault": Fault,
    "glance": Glance,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_T = TypeVar("_T")


class Recorder:
    """Keeps the history in memory and, line by line, in a file that survives us."""

    def __init__(self, path: Path | None = None) -> None:
        self.history = History()
        self._file: IO[str] | None = None if path is None else path.open("w", encoding="utf-8")

    def note(self, line: Line) -> None:
        add(self.history, line)
        if self._file is not None:
            self._file.write(json.dumps({"line": _NAMES[type(line)], **asdict(line)}) + "\n")

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def add(history: History, line: Line) -> None:
    match line:
        case Invoked():
            history.invoked.append(line)
        case Ended():
            history.ended.append(line)
        case Fault():
            history.faults.append(line)
        case Glance():
            history.glances.append(line)


def read_history(lines: Iterable[str]) -> History:
    history = History()
    for text in lines:
        values = json.loads(text)
        add(history, _KINDS[values.pop("line")](**values))
    return history


def write_books(books: Books, path: Path) -> None:
    path.write_text(json.dumps(asdict(books)) + "\n", "utf-8")


def read_books(path: Path) -> Books:
    values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return Books(
        vouchers=_each(Voucher, values.pop("vouchers")),
        usages=_each(Usage, values.pop("usages")),
        vendor=_each(Billed, values.pop("vendor")),
        ledger_faults=tuple(values.pop("ledger_faults")),
        **values,
    )


def _each(kind: type[_T], rows: Iterable[Mapping[str, Any]]) -> tuple[_T, ...]:
    return tuple(kind(**row) for row in rows)
