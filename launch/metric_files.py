"""The files in which a process keeps its metrics for the office, one of each kind, mapped into memory.

A page of a mapped file that was never written asks the disk for its place at the first write, and where there
is none the kernel ends the process (SIGBUS). So each file has its whole place before it is mapped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

KINDS: Final = ("counter", "histogram", "gauge_livesum")  # as prometheus-client names them
FILE_BYTES: Final = 1024 * 1024  # some thousand rows; the library doubles a file that is full


def take_place(directory: Path) -> None:
    """Before the first metric is made. Of a process on its own the directory is not there, nor are files."""
    for kind in KINDS if directory.is_dir() else ():
        with (directory / f"{kind}_{os.getpid()}.db").open("ab") as file:
            if file.tell():
                continue  # this process began once before, and has it mapped
            try:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
            except OSError:  # the disk is full already
                file.truncate(0)
