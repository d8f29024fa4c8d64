"""The data directory: ours alone, one run at a time, and gone again if the first start fails.

A marker file says that a directory is ours and which layout it has; a lock says that a run is using it. The
lock is the kernel's (flock): it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from launch.refusal import Refused

MARKER: Final = "voucher-gateway.json"
LOCK: Final = "lock"
LAYOUT: Final = 1
LOCK_WAIT_S: Final = 5.0  # a run that was killed lets go of it within moments


@dataclass(slots=True)
class DataDir:
    """A claimed directory. `close` lets go of it; `discard` removes what this run made, if it made it."""

    path: Path
    fresh: bool
    made: list[Path] = field(default_factory=list)
    lock_fd: int = -1

    def close(self) -> None:
        if self.lock_fd >= 0:
            os.close(self.lock_fd)
            self.lock_fd = -1

    def keep(self) -> None:
        """It has served: from now on it is state, and no failure removes it."""
        self.fresh = False

    def discard(self) -> None:
        """After a first start that failed: leave nothing behind. Never touches state that has served."""
        if self.fresh:
            for child in self.path.iterdir():
                if child.is_dir() and not child.is_symlink():
                    shutil.rmtree(child, ignore_errors=True)
                else:
                    child.unlink(missing_ok=True)
            _unmake(self.made)
        self.close()


def claim(path: Path) -> DataDir:
    """Make or open the directory and take it for this run; raises Refused and then has changed nothing."""
    made = _make(path)
    try:
        fresh = _check_ours(path)
        claimed = DataDir(path=path, fresh=fresh, made=made)
        claimed.lock_fd = _lock(path)
    except OSError as error:
        _unmake(made)
        raise Refused(f"The data directory {path} cannot be used: {error.strerror}.") from error
    except Refused:
        _unmake(made)
        raise
    try:
        if fresh:
            _write_marker(path)
    except OSError as error:
        claimed.discard()
        raise Refused(f"The data directory {path} cannot be written: {error.strerror}.") from error
    return claimed


def is_in_use(path: Path) -> bool:
    """Whether a run holds it now."""
    try:
        fd = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _make(path: Path) -> list[Path]:
    """The directories that were missing, outermost first."""
    made: list[Path] = []
    try:
        missing: list[Path] = []
        parent = path
        while not parent.exists():
            missing.append(parent)
            parent = parent.parent
        for directory in reversed(missing):
            directory.mkdir(mode=0o755 if directory != path else 0o711)
            made.append(directory)
    except OSError as error:
        _unmake(made)
        raise Refused(f"The data directory {path} cannot be made: {error.strerror}.") from error
    return made


def _unmake(made: list[Path]) -> None:
    for directory in reversed(made):
        try:
            directory.rmdir()
        except OSError:
            return  # somebody put something there meanwhile: it is theirs


def _check_ours(path: Path) -> bool:
    """True where it is empty, False where it carries our marker; everything else is foreign."""
    if not path.is_dir():
        raise Refused(f"The data directory {path} is a file.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise Refused(f"The data directory {path} is not writable for this user.")
    marker = path / MARKER
    if not marker.exists():
        if {child.name for child in path.iterdir()} - {LOCK}:
            raise Refused(
                f"The data directory {path} is not empty and holds no {MARKER}: it belongs to something else."
            )
        return True
    try:
        layout = json.loads(marker.read_text("utf-8"))["layout"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{marker} cannot be understood.") from error
    if layout != LAYOUT:
        raise Refused(f"The data directory {path} has layout {layout}; this version knows layout {LAYOUT}.")
    return False


def _lock(path: Path) -> int:
    fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                os.close(fd)
                raise Refused(f"The data directory {path} is in use by a running voucher-gateway.") from None
            time.sleep(0.1)
        else:
            return fd


def _write_marker(path: Path) -> None:
    marker = path / MARKER
    fresh = marker.with_suffix(".new")
    fresh.write_text(json.dumps({"layout": LAYOUT, "made_by": "voucher-gateway"}) + "\n", "utf-8")
    fresh.rename(marker)
