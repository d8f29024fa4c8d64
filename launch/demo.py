"""`up --demo`: what is made at first start and kept, so that a second start shows the same key and logins.

Passwords and the API key are random per installation. They stand in one file that only its owner may read;
the books have hashes of them.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

KEPT: Final = "demo-logins.json"
MODEL: Final = "nuri-x1"
KST: Final = timezone(timedelta(hours=9))
ROLES: Final = ("operator", "auditor", "company", "provider")
PASSWORD_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Demo:
    api_key: str
    passwords: dict[str, str]  # by role

    def email(self, role: str) -> str:
        return f"{role}@demo.example"


def declaration() -> Traversable:
    return resources.files("config") / "demo.yaml"


def open_demo(data_dir: Path) -> Demo:
    """What an earlier start made, or new values."""
    path = data_dir / KEPT
    try:
        kept = json.loads(path.read_text("utf-8"))
        return Demo(api_key=kept["api_key"], passwords=kept["passwords"])
    except FileNotFoundError:
        demo = Demo(
            api_key=f"vg_demo_{secrets.token_hex(16)}",
            passwords={role: secrets.token_urlsafe(PASSWORD_BYTES) for role in ROLES},
        )
    fresh = path.with_suffix(".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump({"api_key": demo.api_key, "passwords": demo.passwords}, file, indent=2)
    fresh.rename(path)
    return demo


def variables(demo: Demo, *, vendor_url: str, now: datetime | None = None) -> dict[str, str]:
    """What demo.yaml's ${NAME}s stand for. The programme runs in today's year, so the demo never ends."""
    year = (now if now is not None else datetime.now(UTC)).astimezone(KST).year
    passwords = {f"DEMO_{role.upper()}_PASSWORD": password for role, password in demo.passwords.items()}
    return passwords | {
        "DEMO_YEAR": str(year),
        "DEMO_API_KEY": demo.api_key,
        "DEMO_VENDOR_URL": vendor_url,
    }
