"""What a job made, as a file in pieces, kept for some days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Final

from billing.database import Connection
from billing.jobs import store
from billing.jobs.running import Run, Tools

FILE_KEPT: Final = timedelta(days=7)


async def keep(conn: Connection, tools: Tools, run: Run, stream: IO[bytes], *, name: str) -> None:
    until = tools.now() + FILE_KEPT
    await store.keep_file(conn, run.id, pieces_of_stream(stream), name=name, until=until)


def pieces_of_stream(stream: IO[bytes]) -> Iterator[bytes]:
    stream.seek(0)
    while piece := stream.read(store.PIECE_BYTES):
        yield piece
