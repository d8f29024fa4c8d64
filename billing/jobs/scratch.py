"""What an attempt writes before it ends: a file without a name, gone with the attempt however that ends.

It is refused while it grows too large, and not only when it is to be kept: the books of a large house would
fill the disk that PostgreSQL writes to.
"""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING

from billing.jobs import store

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Scratch(io.BufferedRandom):
    """Raises Refused where more is written to it than the file of a job may have."""

    def __init__(self, bytes_max: int = store.FILE_BYTES_MAX) -> None:
        super().__init__(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - closed with this one
        self._bytes_max = bytes_max

    def write(self, data: ReadableBuffer, /) -> int:
        if self.tell() + memoryview(data).nbytes > self._bytes_max:
            raise store.too_large(self._bytes_max)
        return super().write(data)
