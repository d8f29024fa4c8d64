"""`reconcile`: a provider's statement beside the books, for people at a terminal. It writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from billing.casework.rows import rows_of
from billing.database import connect
from billing.reconciliation.matching import MATCHES, MatchedLine, OurCall, match_calls
from billing.reconciliation.reading import (
    AS_A_JOB,
    BadStatement,
    StatementFormat,
    TheirCall,
    calls_of_statement,
)
from billing.reconciliation.store import our_calls, result_of
from billing.statements.month import Month, NoMonth, month_named, month_of
from config.settings import Settings
from launch import roles
from launch.bar import bar
from launch.refusal import Findings, Refused
from launch.with_books import with_books
from metering.money import format_krw

LINES_SHOWN_MAX: Final = 1_000
ROWS_AT_ONCE: Final = 1_000
_FORMATS: Final[dict[str, StatementFormat]] = {".csv": "csv", ".jsonl": "jsonl"}


def reconcile(settings: Settings, path: Path, *, provider: str, month_text: str | None) -> str:
    """Raises Refused (bad input), and Findings where anything does not match."""
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise Refused(f"{path} is neither .csv nor .jsonl.")
    try:
        month = month_of(datetime.now(UTC)).before() if month_text is None else month_named(month_text)
        theirs = _read(_text(path), form)
    except NoMonth as error:
        raise Refused(f"--month: {error}.") from error
    except BadStatement as bad:
        column = "" if bad.column is None else f", {bad.column}"
        raise Refused(f"{path}, line {bad.line}{column}: {bad.english}") from bad
    lines = match_calls(theirs, with_books(_ours(settings, provider, month)))
    told = "\n".join(_told(month, lines))
    if any(line.match != "matched" for line in lines):
        raise Findings(told)
    return told


def _read(text: str, form: StatementFormat) -> list[TheirCall]:
    """Raises BadStatement."""
    theirs: list[TheirCall] = []
    with bar("rows") as progress:
        for call in calls_of_statement(text, form, AS_A_JOB):
            theirs.append(call)
            if not len(theirs) % ROWS_AT_ONCE:
                progress(len(theirs), None)
    return theirs


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(4 * AS_A_JOB.characters + 4).decode()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no UTF-8 text.") from error


async def _ours(settings: Settings, provider: str, month: Month) -> list[OurCall]:
    async with await connect(roles.database_url(settings)) as conn:
        if not await rows_of(conn, "select 1 from provider where id = %s", [provider]):
            raise Refused(f"There is no provider {provider}.")
        return await our_calls(conn, provider, month)


def _told(month: Month, lines: list[MatchedLine]) -> list[str]:
    result = result_of(lines)
    told = [
        f"{match}: {result[match]['count']} (theirs {format_krw(int(result[match]['theirs_micro']))} won,"
        f" ours {format_krw(int(result[match]['ours_micro']))} won)"
        for match in MATCHES
    ]
    differing = [line for line in lines if line.match != "matched"]
    told += [_line(line) for line in differing[:LINES_SHOWN_MAX]]
    if len(differing) > LINES_SHOWN_MAX:
        told.append(f"and {len(differing) - LINES_SHOWN_MAX} more")
    return [f"month: {month}", *told]


def _line(line: MatchedLine) -> str:
    """A statement's text is shown as text: no control character of it reaches the terminal."""
    theirs = "-" if line.theirs is None else f"line {line.theirs.line} {line.theirs.request_id!r}"
    ours = "-" if line.ours is None else line.ours.op
    return f"finding: {line.match}: theirs {theirs}, ours {ours}: {', '.join(line.reasons)}"
