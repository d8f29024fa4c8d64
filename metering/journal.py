"""The gateway's own record of what it has charged, until the books say they have it.

Every event is appended here before the purse is asked to settle, without fsync: what a killed process wrote
survives it, what a killed machine wrote may not. An event leaves the journal only on an acknowledgement by
name. A journal belongs to the process that holds its lock; the journals of the dead are adopted by whoever
locks them next, and their events are sent again.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SEGMENT_BYTES_MAX: Final = 4 * 1024 * 1024
EVENT_BYTES_MAX: Final = 256 * 1024
SUFFIX: Final = ".log"


Name = tuple[str, str]  # op and gateway: what an acknowledgement names


class JournalFailed(Exception):
    """The event could not be written down. What follows must not be a silent completion."""


@dataclass(slots=True)
class _Segment:
    path: Path
    fd: int
    written_bytes: int = 0
    waiting: set[Name] = field(default_factory=set)  # not acknowledged yet


class Journal:
    """Append-only segments under one lock. One event is one line of JSON; a torn last line is no event."""

    def __init__(
        self, directory: Path, gateway_id: str, *, segment_bytes_max: int = SEGMENT_BYTES_MAX
    ) -> None:
        self._directory = directory
        self._gateway_id = gateway_id
        self._segment_bytes_max = segment_bytes_max
        self._count = 0
        self._where: dict[Name, _Segment] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self._current = self._new_segment()

    def append(self, name: Name, event: bytes) -> None:
        """One event, at once; raises JournalFailed (disk full, file gone)."""
        segment = self._current
        if segment.written_bytes >= self._segment_bytes_max:
            segment = self._turn_over()
        line = event + b"\n"
        try:
            written = os.write(segment.fd, line)
        except OSError as error:
            raise JournalFailed(f"the journal cannot be written: {error.strerror}") from error
        if written != len(line):
            segment.written_bytes = self._segment_bytes_max  # the torn line ends that segment
            raise JournalFailed("the journal took only a part of an event")
        segment.written_bytes += written
        self._leave(name, for_segment=segment)
        segment.waiting.add(name)
        self._where[name] = segment

    def forget(self, name: Name) -> None:
        """The books have it. A segment whose last event is acknowledged is removed."""
        segment = self._where.pop(name, None)
        if segment is not None:
            self._let_go(segment, name)

    def _leave(self, name: Name, *, for_segment: _Segment) -> None:
        """A later line of the same call takes the place of the earlier one (its checkpoint)."""
        before = self._where.get(name)
        if before is not None and before is not for_segment:
            self._let_go(before, name)

    def _let_go(self, segment: _Segment, name: Name) -> None:
        segment.waiting.discard(name)
        if segment.waiting:
            return
        if segment is not self._current:
            self._remove(segment)
        elif segment.written_bytes >= self._segment_bytes_max // 8:
            try:
                self._turn_over()
            except JournalFailed:
                pass  # no room for a new one: this one goes on

    def close(self) -> None:
        """Let go of the lock; a journal with nothing left in it is removed."""
        segments = {id(segment): segment for segment in [*self._where.values(), self._current]}
        for segment in segments.values():
            if segment.waiting:
                os.close(segment.fd)
            else:
                self._remove(segment)
        self._where.clear()

    def _turn_over(self) -> _Segment:
        """A new segment; the old one goes with its last acknowledgement, or now. Raises JournalFailed."""
        old, self._current = self._current, self._new_segment()
        if not old.waiting:
            self._remove(old)
        return self._current

    def _new_segment(self) -> _Segment:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            self._count += 1
            path = self._directory / f"{self._gateway_id}.{self._count}{SUFFIX}"
            try:
                fd = os.open(path, flags, 0o600)
            except FileExistsError:
                continue  # a namesake's: ours to adopt, not to write to
            except OSError as error:
                raise JournalFailed(f"the journal cannot be opened: {error.strerror}") from error
            if _is_locked(fd):
                return _Segment(path, fd)
            os.close(fd)

    def _remove(self, segment: _Segment) -> None:
        segment.path.unlink(missing_ok=True)
        os.close(segment.fd)


def _is_locked(fd: int) -> bool:
    """False: between its making and our lock somebody took it for a dead process's."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(fd).st_nlink > 0


@dataclass(frozen=True, slots=True)
class Adopted:
    """A dead process's segment, locked by us: call `release` when its events are safe elsewhere."""

    path: Path
    fd: int
    events: tuple[bytes, ...]

    def release(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


def adopt_orphans(directory: Path) -> list[Adopted]:
    """The segments nobody holds. Those of living processes are locked and left alone."""
    adopted = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            continue
        if not path.exists():  # its owner finished and removed it between our two steps
            os.close(fd)
            continue
        adopted.append(Adopted(path, fd, _whole_lines(path)))
    return adopted


def _whole_lines(path: Path) -> tuple[bytes, ...]:
    lines = path.read_bytes().split(b"\n")
    return tuple(line for line in lines[:-1] if line and len(line) <= EVENT_BYTES_MAX)
