"""What is handed in with an application, by name and hash, and the score sheets its evaluators write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg.types.json import Jsonb

from billing.casework import applications
from billing.casework.deeds import Deed
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle.table import Refused

DOCUMENTS_MAX: Final = 50


async def add_document(
    conn: Connection, application_id: str, document: Mapping[str, Any], *, deed: Deed
) -> Row:
    """While the application may be changed."""
    row = await applications.find(conn, application_id, lock=True)
    await applications.take(conn, "change", row, deed=deed, detail={"document": document["name"]})
    if len(await documents(conn, application_id)) >= DOCUMENTS_MAX:
        raise Refused(
            "too_many_documents",
            f"An application has at most {DOCUMENTS_MAX} documents.",
            f"첨부 서류는 최대 {DOCUMENTS_MAX}개입니다.",
        )
    return await row_of(
        conn,
        "insert into document (application_id, name, media_type, size_bytes, sha256, person, at)"
        " values (%s, %s, %s, %s, %s, %s, %s) returning id, name, media_type, size_bytes, sha256, person, at",
        [
            application_id,
            *(document[name] for name in ("name", "media_type", "size_bytes", "sha256")),
            deed.actor.person,
            deed.now,
        ],
    )


async def documents(conn: Connection, application_id: str) -> list[Row]:
    return await rows_of(
        conn,
        "select id, name, media_type, size_bytes, sha256, person, at from document"
        " where application_id = %s order by id",
        [application_id],
    )


async def evaluate(
    conn: Connection, application_id: str, milli: Mapping[str, int], comment: str, *, deed: Deed
) -> int:
    """A sheet of the one who asks; a later one takes its place. -> its id."""
    row = await applications.find(conn, application_id, lock=True)
    await applications.take(conn, "evaluate", row, deed=deed)
    most = {criterion["id"]: criterion["max_milli"] for criterion in row["criteria"]}
    if set(milli) != set(most) or any(points > most[name] for name, points in milli.items()):
        names = ", ".join(f"{name} (0 to {points / 1000:g})" for name, points in most.items())
        raise Refused(
            "scores_invalid", f"Give points for each of {names}.", f"각 항목의 점수를 입력해 주세요: {names}"
        )
    made = await row_of(
        conn,
        "insert into evaluation (application_id, evaluator, milli, comment, at) values (%s, %s, %s, %s, %s)"
        " returning id",
        [application_id, deed.actor.person, Jsonb(dict(milli)), comment, deed.now],
    )
    return int(made["id"])
