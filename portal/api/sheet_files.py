"""A sheet as a file in an answer: whole before the first byte of it is sent, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal

from fastapi.responses import Response

from billing.lifecycle.table import Refused
from billing.statements.as_csv import as_csv
from billing.statements.as_pdf import TooLong, as_pdf
from billing.statements.as_xlsx import as_xlsx
from billing.statements.sheet import Sheet

LINES_MAX: Final = 50_000  # what is made while somebody waits; never a part of it
Format = Literal["json", "csv", "xlsx", "pdf"]
MEDIA: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


def with_media(told: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a route that may answer with a file."""
    for media in MEDIA.values():
        told["responses"][200].setdefault("content", {})[media.split(";")[0]] = {}
    return told


async def file_answer(sheet: Sheet, form: Format, name: str, *, made_at: datetime) -> Response:
    """Raises Refused."""
    if len(sheet.lines.rows) > LINES_MAX:
        raise too_long()
    makers: dict[Format, Callable[[Sheet], bytes]] = {
        "csv": as_csv,
        "xlsx": lambda one: as_xlsx(one, made_at=made_at),
        "pdf": as_pdf,
    }
    try:
        data = await asyncio.to_thread(makers[form], sheet)
    except TooLong:
        raise too_long() from None
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    return Response(data, media_type=MEDIA[form], headers=headers)


def too_long() -> Refused:
    return Refused(
        "statement_too_long",
        "The statement has too many lines for this format; ask for CSV, or for a company or provider alone.",
        "내역이 너무 많아 이 형식으로 만들 수 없습니다. CSV 또는 기업별 내역을 이용해 주세요.",
    )
