"""structlog for every process: JSON lines, one event a line. And files that do not grow without end."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict

FLUSH_S: Final = 0.1
# Without the frames' variables: among them are API keys, vendors' keys and what was asked.
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


class LossyFile:
    """A line that cannot be written (the disk is full) is dropped: no log is worth the work it tells of."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, line: bytes) -> None:
        try:
            self._out.write(line)
        except OSError:
            pass  # where would it be told?

    def flush(self) -> None:
        try:
            self._out.flush()
        except OSError:
            pass  # as above


class PatientFile:
    """Lines of one tenth of a second in one write: a write per call would cost more than making the line.

    What a process wrote in its last moment is lost if it is killed; the books have a journal of their own.
    """

    def __init__(self, out: LossyFile) -> None:
        self._out = out
        self._lines: list[bytes] = []
        self._due = False

    def write(self, line: bytes) -> None:
        self._lines.append(line)

    def flush(self) -> None:
        if self._due:
            return
        try:
            asyncio.get_running_loop().call_later(FLUSH_S, self.write_out)
            self._due = True
        except RuntimeError:
            self.write_out()

    def write_out(self) -> None:
        self._due = False
        lines, self._lines = self._lines, []
        if lines:
            self._out.write(b"".join(lines))
            self._out.flush()


def configure(*, role: str, stream: TextIO | None = None, patient: bool = False) -> None:
    """Called once by each main. Errors of libraries that use `logging` come out as the same kind of line."""
    out: Any = LossyFile((stream if stream is not None else sys.stdout).buffer)
    if patient:
        out = PatientFile(out)
        atexit.register(out.write_out)
    process_id = os.getpid()

    def name_process(logger: object, method: str, event: EventDict) -> EventDict:
        event["process"], event["process_id"] = role, process_id
        return event

    structlog.configure(
        processors=[
            name_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _TRACEBACKS,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = _ToStructlog(level=logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def line_writer() -> Callable[[bytes], None]:
    """Where lines go that are made elsewhere, whole and in the same form: after `configure`."""
    logger: structlog.BytesLogger = structlog.get_config()["logger_factory"]()
    return logger.msg


class _ToStructlog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say = structlog.get_logger(record.name).error if record.levelno >= logging.ERROR else None
        say = say or structlog.get_logger(record.name).warning
        say(record.getMessage(), exc_info=record.exc_info)


def bound(directory: Path, *, bytes_max: int) -> None:
    """Turn over each log file that has grown too long; one older file is kept.

    The writers keep their descriptors, so the file is copied and cut, not renamed. They append: after the cut
    they go on at its new end. Lines written between the copy and the cut are lost, which a log may.
    """
    for path in directory.glob("*.log"):
        if path.stat().st_size > bytes_max:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)
