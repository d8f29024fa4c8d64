"""Valkey's files, hurt while it is down: cut off in the middle, cut at a command, put back to an older state.

`appendonlydir` holds a base file and the commands since, in the protocol's own form (RESP arrays of bulk
strings). What a script wrote stands between MULTI and EXEC: a cut between those is a broken file, a cut after
EXEC is a whole one that lacks its end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

AOF_DIR: Final = "appendonlydir"


def incremental_file(valkey_dir: Path) -> Path | None:
    """The file that is appended to now: the one with the highest number."""
    found = sorted((valkey_dir / AOF_DIR).glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
    return found[-1] if found else None


def cut_bytes(path: Path, count: int) -> int:
    """How many bytes were cut off its end."""
    size = path.stat().st_size
    os.truncate(path, max(0, size - count))
    return min(size, count)


def cut_at_command(path: Path, *, commands: int) -> int:
    """Take the last `commands` whole commands (a MULTI … EXEC is one) away; how many bytes that were."""
    data = path.read_bytes()
    ends = list(command_ends(data))
    keep = 0 if commands >= len(ends) else ends[-1 - commands]
    os.truncate(path, keep)
    return len(data) - keep


def command_ends(data: bytes) -> Iterator[int]:
    """Where each whole command ends; an incomplete last one has no end."""
    position, within = 0, False
    while position < len(data):
        end, name = _one(data, position)
        if end is None:
            return
        position = end
        if name == b"MULTI":
            within = True
        elif name == b"EXEC":
            within = False
        if not within:
            yield end


def _one(data: bytes, start: int) -> tuple[int | None, bytes]:
    """(end, name) of the command at `start`; end None where it is not whole."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        return None, b""
    if data[start : start + 1] == b"#":  # an annotation
        return line_end + 2, b""
    assert data[start : start + 1] == b"*", data[start : start + 20]
    count, position, name = int(data[start + 1 : line_end]), line_end + 2, b""
    for word in range(count):
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            return None, b""
        length = int(data[position + 1 : line_end])
        begin, position = line_end + 2, line_end + 2 + length + 2
        if position > len(data):
            return None, b""
        if word == 0:
            name = data[begin : begin + length].upper()
    return position, name


def copy_aside(valkey_dir: Path, aside: Path) -> None:
    """A snapshot of the files, with their owners."""
    if aside.exists():
        shutil.rmtree(aside)
    _copy(valkey_dir / AOF_DIR, aside)


def put_back(aside: Path, valkey_dir: Path) -> None:
    """The old state again, instead of what is there."""
    shutil.rmtree(valkey_dir / AOF_DIR)
    _copy(aside, valkey_dir / AOF_DIR)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in (source, *source.rglob("*")):
        found = path.stat()
        os.chown(target / path.relative_to(source), found.st_uid, found.st_gid)
