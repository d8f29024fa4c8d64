"""The note a running `up` leaves in its data directory, so that `apply` and `user add` find its servers.

It holds addresses only: the servers' sockets let nobody in but the user who runs `up`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from config.settings import Settings

NOTE: Final = "running.json"
NOTED: Final = ("host", "port", "office_port", "database_url", "redis_url")


def _path(settings: Settings) -> Path:
    return settings.data_dir / NOTE


def note(settings: Settings) -> None:
    path = _path(settings)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({name: getattr(settings, name) for name in NOTED}) + "\n", "utf-8")
    fresh.rename(path)


def forget(settings: Settings) -> None:
    _path(settings).unlink(missing_ok=True)


def with_running_servers(settings: Settings) -> Settings:
    """Servers named in the environment win; what they leave open is filled from the note, if there is one."""
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    try:
        noted = json.loads(_path(settings).read_text("utf-8"))
    except (OSError, ValueError):
        return settings
    update = {name: noted[name] for name in NOTED if name in noted}
    for name in ("database_url", "redis_url"):
        if getattr(settings, name) is not None:
            del update[name]
    return settings.model_copy(update=update)
