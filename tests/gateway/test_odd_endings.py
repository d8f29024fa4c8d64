"""Late and odd endings: what happens, what the client sees of it, and what the books are told. One row each.

Laws of every row: the charge is the told tokens at the price of the moment of admission, the purse shows it
as spent, nothing stays held, and exactly one event ends the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from metering.event import UsageEvent
from metering.keys import lane_of
from metering.money import format_krw
from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import Everything, World, answer, api_key, chunk, price, world

ASK: Final = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
STREAM: Final = {**ASK, "stream": True}
DONE: Final = b"data: [DONE]\n\n"
STOP: Final = chunk(finish="stop")
WORDS: Final = tuple(chunk(word) for word in ("one", "two", "three", "four"))
LANE: Final = lane_of("gaonde")
ASKED: Final = -(-len(orjson.dumps(ASK)) // 4)  # the estimate of the question, where nobody counted it
ASKED_STREAM: Final = -(-len(orjson.dumps(STREAM)) // 4)

Meanwhile = Callable[[World], Awaitable[None]]


def usage(prompt: Any, completion: Any, **more: Any) -> bytes:
    told = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return (
        b"data: " + orjson.dumps({"id": "c", "model": "vendor-model", "choices": [], "usage": told}) + b"\n\n"
    )


def cached(count: int) -> dict[str, Any]:
    return {"prompt_tokens_details": {"cached_tokens": count}}


async def nothing(w: World) -> None:
    return


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    says: tuple[bytes, ...] | dict[str, Any]  # the vendor: events of a stream, or a whole answer
    sees: str  # the end of a stream, or `status code` of what was refused, or 200
    told: tuple[str, str, bool]  # status, end_reason, estimated
    tokens: tuple[int, int] | None  # input of all classes, output; None: nothing was told
    gone_after: int | None = None  # the client leaves after so many pieces
    client_gone: bool = False
    pause_s: float = 0.0
    meanwhile: Meanwhile = nothing  # in the middle of the vendor's answer
    silent_s: float = 0.0  # before its first byte
    timeouts: dict[str, Any] = field(default_factory=dict)
    product: dict[str, Any] = field(default_factory=dict)


OK = ("settled", "completed", False)
GUESSED = ("settled", "completed", True)
LEFT: Final[dict[str, Any]] = {"pause_s": 0.02, "client_gone": True}

STREAMS = [
    # what the vendor counted, and what it did not
    Row("a count", (*WORDS, STOP, usage(10, 4), DONE), "[DONE]", OK, (10, 4)),
    Row("no usage", (*WORDS, STOP, DONE), "[DONE]", GUESSED, (ASKED_STREAM, 4)),
    Row("usage null", (*WORDS, STOP, usage(None, None), DONE), "[DONE]", GUESSED, (ASKED_STREAM, 4)),
    Row("a negative input pays nobody", (*WORDS, STOP, usage(-10, 4), DONE), "[DONE]", OK, (0, 4)),
    Row("nor a negative output", (*WORDS, STOP, usage(10, -4), DONE), "[DONE]", OK, (10, 0)),
    Row("nor negative cached", (*WORDS, STOP, usage(10, 4, **cached(-7)), DONE), "[DONE]", OK, (10, 4)),
    Row("all zero", (*WORDS, STOP, usage(0, 0), DONE), "[DONE]", OK, (0, 0)),
    Row("it grows", (usage(10, 1), *WORDS, usage(10, 3), STOP, usage(10, 4), DONE), "[DONE]", OK, (10, 4)),
    Row("it shrinks", (*WORDS, usage(10, 9), STOP, usage(10, 4), DONE), "[DONE]", OK, (10, 4)),
    Row("null after a count", (*WORDS, usage(10, 4), STOP, usage(None, None), DONE), "[DONE]", OK, (10, 4)),
    Row("cached > prompt", (*WORDS, STOP, usage(10, 4, **cached(99)), DONE), "[DONE]", OK, (10, 4)),
    Row("more than asked for", (*WORDS, STOP, usage(10, 9000), DONE), "[DONE]", OK, (10, 9000)),
    # how it ends
    Row("no [DONE]", (*WORDS, STOP, usage(10, 4)), "[DONE]", OK, (10, 4)),
    Row("no finish, no [DONE]", WORDS, "upstream_error", ("settled", "upstream_error", True),
        (ASKED_STREAM, 4)),
    Row("an error event", (*WORDS, b'data: {"error":{"message":"no"}}\n\n'), "upstream_error",
        ("settled", "upstream_error", True), (ASKED_STREAM, 4)),
    Row("an error event and a count", (*WORDS, usage(10, 4), b'data: {"error":{"message":"no"}}\n\n'),
        "upstream_error", ("settled", "upstream_error", False), (10, 4)),
    Row("an error event at once", (b'data: {"error":{"message":"no"}}\n\n',), "502 upstream_error",
        ("released", "upstream_error", False), None),
    Row("nothing at all", (DONE,), "[DONE]", GUESSED, (ASKED_STREAM, 0)),
    Row("it hangs in the middle", (*WORDS, STOP, usage(10, 4), DONE), "upstream_timeout",
        ("settled", "upstream_timeout", True), (ASKED_STREAM, 2), timeouts={"idle_timeout_s": 0.2},
        meanwhile=lambda w: asyncio.sleep(0.6)),
    Row("its first byte comes after our time-out", (*WORDS, STOP, usage(10, 4), DONE), "504 upstream_timeout",
        ("released", "upstream_timeout", False), None, silent_s=0.6, timeouts={"first_byte_timeout_s": 0.2}),
    # the client leaves
    Row("after the first piece", (*WORDS, STOP, usage(10, 4), DONE), "", OK, (10, 4), gone_after=1, **LEFT),
    Row("in the middle", (*WORDS, STOP, usage(10, 4), DONE), "", OK, (10, 4), gone_after=3, **LEFT),
    Row("before the last piece", (*WORDS, STOP, usage(10, 4), DONE), "", OK, (10, 4), gone_after=5, **LEFT),
    Row("in the middle, and the vendor counts nothing", (*WORDS, STOP, DONE), "", GUESSED,
        (ASKED_STREAM, 4), gone_after=3, **LEFT),
    Row("in the middle, and the vendor breaks off", WORDS, "", ("settled", "client_gone", True),
        (ASKED_STREAM, 4), gone_after=3, **LEFT),
    Row("before the last piece, the vendor is stopped", (*WORDS, STOP, usage(10, 4), DONE), "", GUESSED,
        (ASKED_STREAM, 4), gone_after=5, product={"on_client_gone": "cancel"}, **LEFT),
]  # fmt: skip

WHOLE = [
    Row("a count", answer(10, 5), "200", OK, (10, 5)),
    Row("no usage", answer(usage=None), "200", GUESSED, (ASKED, 1)),
    Row("a negative count", answer(-10, 5), "200", OK, (0, 5)),
    Row("all zero", answer(0, 0), "200", OK, (0, 0)),
    Row("cached > prompt", answer(usage={"prompt_tokens": 10, "completion_tokens": 5, **cached(11)}), "200",
        OK, (10, 5)),
    Row("an error inside a 200", {"error": {"message": "no"}}, "502 upstream_error",
        ("released", "upstream_error", False), None),
    Row("an error inside a 200, with a count", {"error": {"message": "no"}, "usage": answer(10, 5)["usage"]},
        "502 upstream_error", ("settled", "upstream_error", False), (10, 5)),
    Row("it hangs", answer(10, 5), "504 upstream_timeout", ("released", "upstream_timeout", False), None,
        silent_s=0.6, timeouts={"first_byte_timeout_s": 0.2}),
]  # fmt: skip


async def supersede(w: World) -> None:
    """A later price list comes into force while the call runs."""
    dearer = replace(price(input=9000, output=9000), entry_id="x1@1", valid_from_ms=1)
    product = w.directory.products["x1"]
    w.directory.apply(Everything(revision=2, products=(replace(product, prices=(*product.prices, dearer)),)))


async def expire(w: World) -> None:
    w.clock_ms[0] = w.directory.vouchers_of("gaonde")[0].ends_ms + 1


async def revoke(w: World) -> None:
    w.directory.apply(Everything(revision=2, api_keys=(api_key(revoked=True),)))


async def sweep(w: World) -> None:
    """Taken for dead: the hold is ended at its checkpoint, while the vendor still works."""
    for op in await w.purse.open_ops(lane=LANE, n=1, gateway_id="g1"):
        await w.purse.sweep(lane=LANE, n=1, op=op, gateway_id="g1")


async def restart(w: World) -> None:
    w.purse.restart()


# What happens while the vendor answers -> what the next call gets.
MEANWHILES: dict[str, tuple[Meanwhile, str]] = {
    "a price list is superseded": (supersede, "200"),
    "the voucher ends": (expire, "403 voucher_not_active"),
    "the key is revoked": (revoke, "401 invalid_api_key"),
}
LOSSES: dict[str, Meanwhile] = {"swept": sweep, "its epoch ends": restart}


def vendor_of(row: Row, worlds: list[World]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def vendor(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(row.silent_s)
        if isinstance(row.says, dict):
            await row.meanwhile(worlds[0])
            return web.json_response(row.says)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for position, event in enumerate(row.says):
            if position == 2:
                await row.meanwhile(worlds[0])
            await response.write(event)
            await asyncio.sleep(row.pause_s)
        return response

    return vendor


async def ask(row: Row, tmp_path: Path) -> tuple[World, Heard, Heard]:
    """-> the world after it, what the client heard, and what the next call heard."""
    worlds: list[World] = []
    async with world(vendor_of(row, worlds), tmp_path, **row.product) as w:
        worlds.append(w)
        product = w.directory.products["x1"]
        target = replace(product.upstreams[0], **row.timeouts)
        w.directory.apply(Everything(products=(replace(product, upstreams=(target,)),)))
        body = ASK if isinstance(row.says, dict) else STREAM
        heard = await w.client.call("POST", "/v1/chat/completions", body, leave_after=row.gone_after)
        await check(row, w, w.events)
        then = await w.client.call("POST", "/v1/chat/completions", body)
        return w, heard, then


async def check(row: Row, w: World, events: list[UsageEvent]) -> None:
    """The laws, and what the row says of the books."""
    [event] = events
    assert (event.status, event.end_reason, event.estimated) == row.told
    assert event.client_gone is row.client_gone
    if row.tokens is None:
        assert (event.tokens, event.charge_micro) == ({}, 0)
    else:
        read = sum(event.tokens[n] for n in ("input", "cached_input", "cache_write", "cache_write_1h"))
        assert (read, event.tokens["output"]) == row.tokens
        assert event.charge_micro == 1000 * read + 4000 * event.tokens["output"]
        assert min(event.tokens.values()) >= 0


async def assert_spent(w: World, charge_micro: int) -> None:
    balance = await w.purse.balance(lane=LANE, n=1, voucher_id="v1")
    assert balance is not None
    assert (balance.spent_micro, balance.held_micro) == (charge_micro, 0)


def seen(heard: Heard) -> str:
    if heard.status != 200:
        return f"{heard.status} {heard.code}"
    if not heard.headers["content-type"].startswith("text/event-stream"):
        return "200"
    last = heard.frames[-1].removeprefix("data: ")
    return last if last == "[DONE]" else str(orjson.loads(last)["error"]["code"])


def assert_words(heard: Heard, event: UsageEvent) -> None:
    """What fails says that it was charged exactly where it was."""
    error = orjson.loads(heard.frames[-1].removeprefix("data: "))["error"]
    assert (f"charged: see /v1/usage/{event.op}." in error["message"]) is (event.charge_micro > 0)
    assert "nothing was charged" not in error["message"] or event.charge_micro == 0


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row.what)
async def test_streams(row: Row, tmp_path: Path) -> None:
    w, heard, _ = await ask(row, tmp_path)
    charge_micro = w.events[0].charge_micro
    if not row.client_gone:
        assert seen(heard) == row.sees
        if row.sees != "[DONE]":
            assert_words(heard, w.events[0])
    if row.sees == "[DONE]":
        assert heard.frames[-2].startswith(f": voucher charge_krw={format_krw(charge_micro)} ")
    await assert_spent(w, sum(event.charge_micro for event in w.events))


@pytest.mark.parametrize("row", WHOLE, ids=lambda row: row.what)
async def test_whole_answers(row: Row, tmp_path: Path) -> None:
    w, heard, _ = await ask(row, tmp_path)
    assert seen(heard) == row.sees
    if row.sees == "200":
        assert heard.headers["x-voucher-charge-krw"] == format_krw(w.events[0].charge_micro)
    else:
        assert_words(heard, w.events[0])
    await assert_spent(w, sum(event.charge_micro for event in w.events))


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(("meanwhile", "next_sees"), MEANWHILES.values(), ids=MEANWHILES.keys())
async def test_what_changes_meanwhile_is_the_next_calls_affair(
    meanwhile: Meanwhile, next_sees: str, stream: bool, tmp_path: Path
) -> None:
    """The call was admitted, and ends as it was: whole, at its price, paid by its voucher."""
    says = (*WORDS, STOP, usage(10, 4), DONE) if stream else answer(10, 4)
    row = Row("", says, "", OK, (10, 4), meanwhile=meanwhile)
    _, heard, then = await ask(row, tmp_path)
    assert seen(heard) == ("[DONE]" if stream else "200")
    assert seen(then) == ("[DONE]" if stream and next_sees == "200" else next_sees)


@pytest.mark.parametrize("meanwhile", LOSSES.values(), ids=LOSSES.keys())
async def test_a_settlement_that_comes_late_is_told_whole(meanwhile: Meanwhile, tmp_path: Path) -> None:
    """No balance can be said, and the purse's numbers are left alone; the books get the call as it was."""
    row = Row("", answer(10, 4), "", OK, (10, 4), meanwhile=meanwhile)
    worlds: list[World] = []
    async with world(vendor_of(row, worlds), tmp_path) as w:
        worlds.append(w)
        heard = await w.client.call("POST", "/v1/chat/completions", ASK)
        assert (heard.status, heard.headers["x-voucher-charge-krw"]) == (200, "0.026")
        assert "x-voucher-available-krw" not in heard.headers
        await check(row, w, w.events)
        late = [entry for entry in w.purse.data.lane(LANE).log if entry.kind == "settled"]
        assert [(entry.fields["charge"], entry.fields["late"]) for entry in late] == [(b"26000", b"1")]
        assert w.purse.data.lane(LANE).vouchers[1, "v1"].spent == 0
