"""A vendor's answer is handed over where its bytes arrive, and whoever takes it may stop in the middle."""

from __future__ import annotations

import asyncio

import pytest

from providers.catalogue import UpstreamTarget
from providers.upstream import Upstream, UpstreamAnswer
from tests.fakes.vendor_server import CHUNKED, chunk, piece_of, says, vendor


async def asked(upstream: Upstream, to: UpstreamTarget) -> UpstreamAnswer:
    return await upstream.send(to, path="/x", body=b"{}", stream=True, request_id="r")


async def test_pieces_are_taken_where_they_arrive(upstream: Upstream) -> None:
    """Nobody is woken for them; who takes no more finds what came meanwhile when he comes back."""
    taken: list[tuple[bytes, bool]] = []

    def take(piece: bytes) -> bool:
        taken.append((piece, asyncio.current_task() is None))
        return piece != b"two"

    script = says(CHUNKED, chunk(b"one"), chunk(b"two"), chunk(b"three"), chunk(b""), pause_s=0.02)
    async with vendor(script) as (_, to):
        answer = await asked(upstream, to)
        assert await answer.read_into(take)
        assert taken == [(b"one", True), (b"two", True)]
        await asyncio.sleep(0.1)
        assert not await answer.read_into(take)
        assert taken[2:] == [(b"three", False)]
        answer.release()


async def test_a_fault_of_who_takes_is_raised_where_he_waits(upstream: Upstream) -> None:
    def refuse(piece: bytes) -> bool:
        raise LookupError(piece)

    script = says(CHUNKED, chunk(b"one"), chunk(b"two"), chunk(b""), pause_s=0.02)
    async with vendor(script) as (made, to):
        answer = await asked(upstream, to)
        with pytest.raises(LookupError, match="one"):
            await answer.read_into(refuse)
        assert [await piece_of(answer) for _ in range(2)] == [b"two", b""]
        answer.release()
        assert await (await asked(upstream, to)).read(10) == b"onetwo"
        assert made.connections == 1, "the vendor did nothing wrong"
