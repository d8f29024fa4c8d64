"""The disk on which the gateways' journals lie. It can be full: then to write fails as the kernel says it."""

from __future__ import annotations

import os
from typing import Any, Final

FULL: Final = "/dev/full"


class Disk:
    """A journal's descriptor is exchanged beneath it, so that the journal itself is the production one."""

    def __init__(self) -> None:
        self.is_full = False
        self._real: dict[int, int] = {}  # a journal's descriptor -> its file, while the disk is full
        self._journals: list[Any] = []

    def mount(self, journal: Any) -> None:
        self._journals.append(journal)
        if self.is_full:
            self._exchange(journal)

    def unmount(self, journal: Any) -> None:
        """Its process is dead: the kernel closes what it had open, and with it go its locks."""
        self._journals.remove(journal)
        for segment in segments_of(journal):
            os.close(segment.fd)
            if (real := self._real.pop(segment.fd, None)) is not None:
                os.close(real)

    def fill(self) -> None:
        self.is_full = True
        for journal in self._journals:
            self._exchange(journal)

    def clear(self) -> None:
        self.is_full = False
        for fd, real in self._real.items():
            os.dup2(real, fd, inheritable=False)
            os.close(real)
        self._real.clear()

    def _exchange(self, journal: Any) -> None:
        fd = journal._current.fd
        if fd in self._real:
            return
        self._real[fd] = os.dup(fd)
        full = os.open(FULL, os.O_WRONLY)
        os.dup2(full, fd, inheritable=False)
        os.close(full)


def segments_of(journal: Any) -> list[Any]:
    return list({id(segment): segment for segment in [*journal._where.values(), journal._current]}.values())
