"""Kept answers: opened by the caller's two secrets together and by nothing else; one charge per key."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from gateway.idempotency import KeptAnswer, read_key, scope_hash, seal, unseal
from gateway.problems import Problem
from tests.fakes.gateway_world import answer, world

ANSWER = KeptAnswer(200, [(b"content-type", b"application/json"), (b"x-odd", b"\xff\x80")], b'{"a":1}\n\x00')


@pytest.mark.parametrize("kept", [ANSWER, KeptAnswer(200, [], b"")])
def test_who_has_both_secrets_reads_the_answer(kept: KeptAnswer) -> None:
    sealed = seal(kept, secret=b"vg_key", idempotency_key="order-7")
    assert unseal(sealed, secret=b"vg_key", idempotency_key="order-7") == kept
    assert kept.body not in sealed or not kept.body
    assert seal(kept, secret=b"vg_key", idempotency_key="order-7") != sealed, "a nonce is used once"


SEALED = seal(ANSWER, secret=b"vg_key", idempotency_key="order-7")


@pytest.mark.parametrize(
    ("sealed", "secret", "key"),
    [
        (SEALED, b"vg_other", "order-7"),
        (SEALED, b"vg_key", "order-8"),
        (SEALED, b"", ""),
        (SEALED[:-1] + bytes([SEALED[-1] ^ 1]), b"vg_key", "order-7"),
        (bytes([SEALED[0] ^ 1]) + SEALED[1:], b"vg_key", "order-7"),
        (SEALED[:20], b"vg_key", "order-7"),
        (SEALED[:5], b"vg_key", "order-7"),
        (b"", b"vg_key", "order-7"),
    ],
    ids=["api key", "idempotency key", "none", "last byte", "first byte", "20 bytes", "5 bytes", "empty"],
)
def test_anybody_else_reads_nothing(sealed: bytes, secret: bytes, key: str) -> None:
    with pytest.raises(Problem) as refused:
        unseal(sealed, secret=secret, idempotency_key=key)
    assert refused.value.code == "answer_not_kept"


def test_a_claim_is_scoped_by_api_key_and_route() -> None:
    mine = scope_hash(key_id="a/b", route="/chat/completions", idempotency_key="k")
    others = [
        scope_hash(key_id="a/c", route="/chat/completions", idempotency_key="k"),
        scope_hash(key_id="a/b", route="/embeddings", idempotency_key="k"),
        scope_hash(key_id="a/b", route="/chat/completions", idempotency_key="K"),
        scope_hash(key_id="a/b/chat", route="/completions", idempotency_key="k"),
    ]
    assert len({mine, *others}) == 5
    assert len(mine) == 32


@pytest.mark.parametrize("header", ["k", "k" * 255, "with spaces", None])
def test_a_key_that_may_be_used(header: str | None) -> None:
    assert read_key(header) == header


@pytest.mark.parametrize("header", ["", "k" * 256, "tab\there", "\x7f", "nul\x00"])
def test_a_key_that_may_not(header: str) -> None:
    with pytest.raises(Problem) as refused:
        read_key(header)
    assert (refused.value.code, refused.value.param) == ("invalid_request", "Idempotency-Key")


ASK = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
ONCE = {"idempotency-key": "order-7"}


async def test_a_failure_that_cost_nothing_is_not_remembered(tmp_path: Path) -> None:
    statuses = [500, 200]

    async def recovers(request: web.Request) -> web.Response:
        return web.json_response(answer(), status=statuses.pop(0))

    async with world(recovers, tmp_path) as w:
        first = await w.client.call("POST", "/v1/chat/completions", ASK, headers=ONCE)
        again = await w.client.call("POST", "/v1/chat/completions", ASK, headers=ONCE)
        assert (first.status, again.status) == (502, 200)
        assert [event.charge_micro for event in w.events] == [0, 30_000]


async def test_another_route_is_another_call(tmp_path: Path) -> None:
    async def embeds(request: web.Request) -> web.Response:
        if request.path.endswith("/embeddings"):
            vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
            usage = {"prompt_tokens": 3, "total_tokens": 3}
            return web.json_response({"object": "list", "data": [vector], "model": "m", "usage": usage})
        return web.json_response(answer())

    async with world(embeds, tmp_path) as w:
        chat = await w.client.call("POST", "/v1/chat/completions", ASK, headers=ONCE)
        vectors = await w.client.call("POST", "/v1/embeddings", {"model": "x1", "input": "hi"}, headers=ONCE)
        assert (chat.status, vectors.status) == (200, 200)
        assert len(w.events) == 2
