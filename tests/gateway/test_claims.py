"""Claims whose books come and go: a key is never blocked for good, and never runs twice at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.claims import RETRY_S, SEALED_WAITING_BYTES_MAX, Claims
from gateway.ports import BooksUnavailable, ClaimRequest
from metering.claim import Answered, Claimed, ClaimOutcome, InProgress, Mismatch, NotKept
from tests.fakes.gateway_world import MemoryAnswers
from tests.fakes.virtual_time import in_virtual_time


@dataclass
class FickleAnswers(MemoryAnswers):
    """The books' side of claims: away, or silent after they did what they were asked."""

    is_away: bool = False
    is_mute: bool = False
    failure: type[Exception] = BooksUnavailable
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def claim(self, request: ClaimRequest) -> ClaimOutcome:
        self._hear("claim")
        outcome = await super().claim(request)
        self._answer()
        return outcome

    async def finish(self, request: ClaimRequest, op: str, sealed: bytes | None) -> None:
        self._hear("finish")
        await super().finish(request, op, sealed)
        self._answer()

    async def forget(self, request: ClaimRequest, *, keep_op: bool) -> None:
        self._hear("forget")
        if request.key_hash in self._rows:
            await super().forget(request, keep_op=keep_op)
        self._answer()

    def _hear(self, word: str) -> None:
        if self.is_away:
            raise BooksUnavailable
        self.heard.append(word)

    def _answer(self) -> None:
        if self.is_mute:
            raise self.failure


def request(op: str, *, key: bytes = b"k", body: bytes = b"b") -> ClaimRequest:
    return ClaimRequest(company_id="gaonde", key_hash=key, body_hash=body, op=op, gateway_id="g1")


async def test_what_runs_here_is_known_here() -> None:
    books = FickleAnswers()
    claims = Claims(books)
    assert await claims.claim(request("a")) == Claimed("a")
    books.is_away = True
    assert await claims.claim(request("b")) == InProgress()
    assert await claims.claim(request("b", body=b"other")) == Mismatch()
    assert books.heard == ["claim"]


async def test_what_ran_before_is_asked_of_the_books() -> None:
    claims = Claims(FickleAnswers())
    await claims.claim(request("a"))
    await claims.finish(request("a"), "a", b"sealed")
    assert await claims.claim(request("b")) == Answered("a", b"sealed")
    assert await claims.claim(request("b", body=b"other")) == Mismatch()
    await claims.claim(request("c", key=b"another"))
    await claims.forget(request("c", key=b"another"), keep_op=False)
    assert await claims.claim(request("d", key=b"another")) == Claimed("d")


@in_virtual_time
async def test_the_end_is_told_until_the_books_hear_it() -> None:
    """The key was in progress for as long as the process lived, after one moment without a database."""
    books = FickleAnswers()
    claims = Claims(books)
    await claims.claim(request("a"))
    books.is_away = True
    await claims.finish(request("a"), "a", b"sealed")
    await asyncio.sleep(10 * RETRY_S)
    assert await claims.claim(request("b")) == InProgress()
    books.is_away = False
    await asyncio.sleep(RETRY_S)
    assert await claims.claim(request("b")) == Answered("a", b"sealed")


@in_virtual_time
async def test_so_is_a_call_that_cost_nothing() -> None:
    books = FickleAnswers()
    claims = Claims(books)
    await claims.claim(request("a"))
    books.is_away = True
    await claims.forget(request("a"), keep_op=True)
    books.is_away = False
    await asyncio.sleep(2 * RETRY_S)
    assert await claims.claim(request("b")) == Claimed("a")


@in_virtual_time
@pytest.mark.parametrize("failure", [BooksUnavailable, ArithmeticError], ids=["silence", "a fault of ours"])
async def test_a_claim_whose_answer_never_came_is_given_up(failure: type[Exception]) -> None:
    books = FickleAnswers(is_mute=True, failure=failure)
    claims = Claims(books)
    with pytest.raises(failure):
        await claims.claim(request("a"))
    books.is_mute = False
    assert await claims.claim(request("b")) == InProgress(), "it may have been made"
    await asyncio.sleep(2 * RETRY_S)
    assert await claims.claim(request("b")) == Claimed("b")


@in_virtual_time
async def test_a_fault_of_ours_blocks_no_key_either() -> None:
    books = FickleAnswers()
    claims = Claims(books)
    await claims.claim(request("a"))
    books.is_mute, books.failure = True, ArithmeticError
    with pytest.raises(ArithmeticError):
        await claims.finish(request("a"), "a", b"sealed")
    books.is_mute = False
    await asyncio.sleep(2 * RETRY_S)
    assert await claims.claim(request("b")) == Answered("a", b"sealed")


@in_virtual_time
async def test_answers_that_wait_for_the_books_are_bounded() -> None:
    books = FickleAnswers()
    claims = Claims(books)
    large = b"x" * (SEALED_WAITING_BYTES_MAX - 1)
    for op, key in (("a", b"1"), ("b", b"2"), ("c", b"3")):
        await claims.claim(request(op, key=key))
    books.is_away = True
    await claims.finish(request("a", key=b"1"), "a", large)
    await claims.finish(request("b", key=b"2"), "b", b"xx")
    await claims.finish(request("c", key=b"3"), "c", b"x")
    books.is_away = False
    await asyncio.sleep(2 * RETRY_S)
    assert await claims.claim(request("d", key=b"1")) == Answered("a", large)
    assert await claims.claim(request("d", key=b"2")) == NotKept("b")
    assert await claims.claim(request("d", key=b"3")) == Answered("c", b"x")
