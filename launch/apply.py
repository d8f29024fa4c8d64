"""`apply FILE`: reads the file, hands it to billing, and says what was done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from billing.database import connect
from billing.declaration import ApplyReport, DeclarationRefused, apply_file
from config.settings import Settings
from launch import roles
from launch.purse_for_once import purse_for_once
from launch.refusal import Refused


def apply(settings: Settings, file: Path, *, environment: Mapping[str, str]) -> ApplyReport:
    """Raises Refused: one line per finding, with the line of the file and the reason."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise Refused(f"The file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Refused(f"The file {file} is not UTF-8 at byte {error.start}.") from error
    try:
        return asyncio.run(_apply(settings, text, source=file.name, environment=environment))
    except DeclarationRefused as refused:
        raise Refused(str(refused)) from refused
    except psycopg.OperationalError as error:
        raise Refused(f"PostgreSQL at DATABASE_URL cannot be used: {str(error).strip()}") from error


async def _apply(
    settings: Settings, text: str, *, source: str, environment: Mapping[str, str]
) -> ApplyReport:
    # Only for getting back what was lent, where a grant is lowered; without it such money counts as held.
    async with (
        purse_for_once(settings.redis_url) as purse,
        await connect(roles.database_url(settings)) as connection,
    ):
        secrets = await roles.secrets_of(settings, connection)
        return await apply_file(
            connection,
            text,
            source=source,
            environment=environment,
            secrets=secrets,
            allow_private=settings.upstream_allow_private,
            now=datetime.now(UTC),
            purse=purse,
        )


def as_json(report: ApplyReport) -> str:
    return json.dumps(report.to_json(), ensure_ascii=False)


def as_text(report: ApplyReport) -> str:
    lines = [f"created {name}" for name in report.created]
    lines += [f"changed {name}" for name in report.changed]
    lines += [f"API key of {key.company}/{key.name}, shown once: {key.key}" for key in report.api_keys]
    return "\n".join(lines) if lines else "Nothing to do: everything is as the file says."
