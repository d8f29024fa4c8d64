"""The statements of a month for all parties in all forms, as one .zip, from one snapshot of the books."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, Final

from billing.database import Connection, connect
from billing.jobs.made_file import keep
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.statements.as_csv import as_csv
from billing.statements.as_pdf import TooLong, as_pdf
from billing.statements.as_xlsx import as_xlsx
from billing.statements.lines import Line
from billing.statements.month import Month, month_named
from billing.statements.sheet import sheet_of
from billing.statements.statement import Statement, Subject
from billing.statements.store import lines_of_month, statement_from

FORMS: Final = ("pdf", "xlsx", "csv")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # where a .zip's time begins: the same books give the same file


async def make(tools: Tools, run: Run) -> Ending:
    month = month_named(run.arguments["month"])
    stream = run.stream()
    left_out = await _write(tools, run, month, stream)

    async def ending(conn: Connection) -> Ended:
        await keep(conn, tools, run, stream, name=f"{month}-statements.zip")
        return Ended(message=_left_out(left_out) if left_out else None)

    return ending


async def _write(tools: Tools, run: Run, month: Month, stream: IO[bytes]) -> list[str]:
    """-> the files that would be too long for their form."""
    forms, left_out, sums = run.arguments["formats"], [], []
    async with await connect(tools.database_url, statement_timeout_ms=0) as books:
        await books.execute("set idle_in_transaction_session_timeout = 0")
        async with books.transaction():
            await books.execute("set transaction isolation level repeatable read read only")
            lines = await lines_of_month(books, month)
            subjects = subjects_of(lines.lines)
            run.note(0, len(subjects) * len(forms))
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
                for subject in subjects:
                    statement = await statement_from(books, subject, month, lines)
                    for form in forms:
                        name = f"{statement.number}.{form}"
                        try:
                            data = await asyncio.to_thread(
                                _file, form, statement, run.arguments, run.asked_at
                            )
                        except TooLong:
                            left_out.append(name)
                        else:
                            sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
                            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
                        run.note(run.done + 1, run.whole)
                bundle.writestr(zipfile.ZipInfo("SHA256SUMS", _EPOCH), "".join(sums))
    return left_out


def subjects_of(lines: Sequence[Line]) -> list[Subject]:
    """Everybody who has a line in the month, each once."""
    accounts = {line.account for line in lines}
    found = [Subject("programme", one) for one in sorted({account.programme_id for account in accounts})]
    found += [Subject("company", one) for one in sorted({account.company_id for account in accounts})]
    found += [Subject("provider", one) for one in sorted({account.provider_id for account in accounts})]
    return found


def _file(form: str, statement: Statement, arguments: Any, made_at: datetime) -> bytes:
    sheet = sheet_of(statement, arguments["lang"])
    if form == "pdf":
        return as_pdf(sheet)
    return as_xlsx(sheet, made_at=made_at) if form == "xlsx" else as_csv(sheet)


def _left_out(names: list[str]) -> dict[str, str]:
    told = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    return {
        "code": "left_out",
        "english": f"Too long for their form, and left out: {told}",
        "korean": f"내용이 너무 많아 제외된 파일: {told}",
    }
