"""A provider's usage statement as a file of a form: its format, its text, and the run it makes.

One that is too large to be matched while somebody waits becomes a job.
"""

from __future__ import annotations

from typing import Any, Final

from billing.reconciliation.reading import AT_ONCE
from billing.statements.month import month_of
from portal.web import formats, market_entries
from portal.web.forms import Choice, EntriesRefused, Field
from portal.web.operations import Operations
from portal.web.visit import Go, Reply, Upload, Visit, with_query

UPLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
FILE_NAME_CHARACTERS_MAX: Final = 200
MONTHS_CHOSEN: Final = 13
_FORMS: Final = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl"}
# A spreadsheet of Korea writes the older one, unless it is told otherwise.
_ENCODINGS: Final = ("utf-8-sig", "cp949")


async def fields(visit: Visit) -> tuple[Field, ...]:
    whose: tuple[Field, ...] = ()
    if visit.role != "provider":
        whose = (Field("provider", "choice", required=True, choices=await market_entries.providers(visit)),)
    month = month_of(visit.desk.now)
    months = []
    for _ in range(MONTHS_CHOSEN):
        months.append(Choice(str(month), formats.month(str(month), visit.language)))
        month = month.before()
    return (
        *whose,
        Field("month", "choice", required=True, choices=tuple(months), initial=months[1].value),
        Field("file", "file", required=True, help="help.statement_file"),
    )


async def run(operations: Operations, visit: Visit, values: dict[str, Any]) -> Reply:
    upload: Upload = values["file"]
    form = _FORMS.get(upload.name.rpartition(".")[2].lower())
    if form is None:
        raise EntriesRefused({"file": "error.file_form"})
    text = text_of(upload.data)
    body = {
        "provider": values.get("provider") or visit.desk.actor.provider,
        "month": values["month"],
        "file_name": upload.name[-FILE_NAME_CHARACTERS_MAX:],
        "format": form,
        "content": text,
    }
    lines = max(text.count("\n"), text.count("\r"))
    if len(text) > AT_ONCE.characters or lines > AT_ONCE.rows:
        job = await operations.call(visit.desk, "POST /statement_imports", body)
        return Go(with_query(f"{visit.prefix}/jobs/{job['id']}", {"done": "job.ask"}))
    made = await operations.call(visit.desk, "POST /reconciliations", body)
    return Go(with_query(f"{visit.prefix}/reconciliations/{made['id']}", {"done": "reconciliation.make"}))


def text_of(data: bytes) -> str:
    """Raises EntriesRefused."""
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise EntriesRefused({"file": "error.file_text"})
