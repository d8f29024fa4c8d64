"""The audit bundle as a job: what the command `export` writes, kept for download."""

from __future__ import annotations

from billing.audit.exporting import NoProgramme, export_bundle
from billing.database import Connection
from billing.jobs.made_file import keep
from billing.jobs.running import Ended, Ending, Run, Tools
from billing.lifecycle.table import Refused


async def export(tools: Tools, run: Run) -> Ending:
    if tools.signing_seed is None:
        raise Refused(
            "no_signing_key", "This worker has no key to sign with.", "서명 키가 없어 내보낼 수 없습니다."
        )
    programme = run.arguments["programme"]
    stream = run.stream()
    try:
        exported = await export_bundle(
            tools.database_url,
            tools.signing_seed,
            stream,
            programme=programme,
            now=tools.now(),
            progress=run.note,
        )
    except NoProgramme:
        raise Refused(
            "programme_unknown", "The books know no such programme.", "해당 사업이 없습니다."
        ) from None
    run.note(exported.rows, exported.rows)

    async def ending(conn: Connection) -> Ended:
        of = "" if programme is None else f"-{programme}"
        await keep(conn, tools, run, stream, name=f"books{of}-{exported.head.size}.zip")
        return Ended(message=_outside(exported.outside) if exported.outside else None)

    return ending


def _outside(sentences: list[str]) -> dict[str, str]:
    return {
        "code": "outside_log",
        "english": "Rows are outside the log. " + "; ".join(sentences),
        "korean": "기록부에 없는 행이 있습니다. " + "; ".join(sentences),
    }
