"""`up --demo`: what is made at first start and kept, so that a second start shows the same key and logins.

Passwords and the API key are random per installation. They stand in one file that only its owner may read;
the books have hashes of them.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from pathlib import Path
from typing import Final

from launch import sockets
from launch.refusal import Refused

KEPT: Final = "demo-logins.json"
DECLARATION: Final = resources.files("config") / "demo.yaml"
MODEL: Final = "nuri-x1"
HOST: Final = "127.0.0.1"
KST: Final = timezone(timedelta(hours=9))
ROLES: Final = ("operator", "auditor", "company", "provider")
PASSWORD_BYTES: Final = 12


@dataclass(slots=True)
class Demo:
    """`passwords` are by role. The vendor's port is kept, so that a restart changes no product."""

    api_key: str
    passwords: Mapping[str, str]
    vendor_port: int = 0

    def email(self, role: str) -> str:
        return f"{role}@demo.example"

    def bind_vendor(self, data_dir: Path) -> socket.socket:
        """The port of the last start, or another where that is taken by now."""
        try:
            listener = sockets.bind(HOST, self.vendor_port, what="demo vendor")
        except Refused:
            listener = sockets.bind(HOST, 0, what="demo vendor")
        self.vendor_port = sockets.port_of(listener)
        keep(data_dir, self)
        return listener

    def variables(self, vendor_port: int, *, now: datetime | None = None) -> dict[str, str]:
        """What demo.yaml's ${NAME}s stand for. The programme runs in today's year, so the demo never ends."""
        year = (now if now is not None else datetime.now(UTC)).astimezone(KST).year
        passwords = {f"DEMO_{role.upper()}_PASSWORD": word for role, word in self.passwords.items()}
        return passwords | {
            "DEMO_YEAR": str(year),
            "DEMO_API_KEY": self.api_key,
            "DEMO_VENDOR_URL": f"http://{HOST}:{vendor_port}/v1",
        }


def open_demo(data_dir: Path) -> Demo:
    """What an earlier start made, or new values."""
    try:
        return Demo(**json.loads((data_dir / KEPT).read_text("utf-8")))
    except FileNotFoundError:
        return Demo(
            api_key=f"vg_demo_{secrets.token_hex(16)}",
            passwords={role: secrets.token_urlsafe(PASSWORD_BYTES) for role in ROLES},
        )


def keep(data_dir: Path, demo: Demo) -> None:
    """For its owner's eyes only."""
    path = data_dir / KEPT
    fresh = path.with_suffix(".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(asdict(demo), file, indent=2)
    fresh.rename(path)
