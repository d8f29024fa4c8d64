"""structlog for every process: JSON lines, one event a line. And files that do not grow without end."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

import orjson
import structlog


def configure(*, role: str, stream: TextIO | None = None) -> None:
    """Called once by each main. Errors of libraries that use `logging` come out as the same kind of line."""
    out = stream if stream is not None else sys.stdout
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=out.buffer),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=role, process_id=os.getpid())
    handler = _ToStructlog(level=logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


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
