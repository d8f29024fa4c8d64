"""The words by which `ps` knows a process that was forked: it has those of the process it is a copy of.

The kernel shows the memory in which a process found its arguments, word by word, so what stands there can be
written anew. There is no more of it than the first words took; hence the room that a fork server is given.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOM: Final = " " * 256  # an argument of the fork server: what a role's words may take beyond its own
ARG_START: Final = 47  # of the fields in /proc/PID/stat, from 0 (proc_pid_stat(5))
ARG_END: Final = 48


def rename_process(words: Sequence[str]) -> None:
    """Linux only. Words for which there is no room are cut."""
    start, end = _arguments()
    room = end - start
    text = b"\0".join(os.fsencode(word) for word in words)[: room - 1]
    ctypes.memmove(start, text.ljust(room, b"\0"), room)


def _arguments() -> tuple[int, int]:
    stat = Path("/proc/self/stat").read_bytes()
    fields = [b"", b"", *stat.rpartition(b")")[2].split()]  # a name may have blanks in it
    return int(fields[ARG_START]), int(fields[ARG_END])
