"""How this program is called again, and so that it cannot outlive who calls it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from launch import leash


def program() -> list[str]:
    """By its installed name, so that `ps` shows it."""
    script = Path(sys.executable).with_name("voucher-gateway")
    return [sys.executable, str(script)] if script.exists() else [sys.executable, "-m", "launch"]


def name_and_version() -> str:
    return f"voucher-gateway {version('voucher-gateway')}"


def leashed(command: Sequence[str], *, death_signal: int = signal.SIGKILL) -> list[str]:
    words = [os.getpid(), int(death_signal), -1, -1, 0]
    return [sys.executable, "-I", "-S", leash.__file__, *(str(word) for word in words), *command]
