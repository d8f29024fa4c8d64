"""What goes to Bedrock on the wire, byte by byte: the call that is signed is the call that is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from providers.bedrock.dialect import CONVERSE
from providers.dialect import Outgoing
from providers.errors import ConnectRefused
from providers.upstream import Upstream
from tests.fakes.aws_signature import signature_of
from tests.fakes.vendor_server import says, vendor, whole
from tests.providers.bedrock.test_bedrock_signing import ARN

KEY = "AKIDEXAMPLE:secret:token"
HEAD = "X-Amzn-RequestId: aws-1\r\nX-Amzn-ErrorType: A:b\r\nX-Other: c\r\n"


class Clock:
    now_s = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, Clock]]:
    clock = Clock()
    made = Upstream(allow_private=True, now_s=clock)
    await made.start()
    yield made, clock
    await made.close()


def taken_apart(asked: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = asked.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    named = [line.partition(": ") for line in lines]
    assert len({name.lower() for name, _, _ in named}) == len(named)
    return first, {name.lower(): value for name, _, value in named}, body


@pytest.mark.parametrize("model", ["us.amazon.nova-lite-v1:0", ARN])
@pytest.mark.parametrize("base", ["", "/behind/a%20proxy"])
async def test_what_is_signed_is_what_is_sent(
    upstream: tuple[Upstream, Clock], model: str, base: str
) -> None:
    sender, clock = upstream
    async with vendor(says(whole(b"{}", more=HEAD))) as (made, to):
        origin = to.base_url.removesuffix("/v1")
        to = replace(to, dialect="bedrock", base_url=origin + base, api_key=KEY)
        for number in range(3):
            clock.now_s += 1 + number
            body = b'{"messages": [%d]}' % number
            path = CONVERSE.path(model, number == 1)
            answer = await sender.send(to, path=path, body=body, stream=number == 1, request_id="r-1")
            assert answer.headers == {"x-amzn-requestid": "aws-1", "x-amzn-errortype": "A:b"}
            await answer.read(10)
        signatures = set()
        for asked in made.asked:
            first, head, body = taken_apart(asked)
            method, path, _ = first.split(" ")
            assert path.startswith(f"{base}/model/")
            assert (head["x-amz-security-token"], head["content-length"]) == ("token", str(len(body)))
            call = Outgoing(method, head["host"], path, body, 0.0)
            signature = signature_of(call, head, secret="secret", region="us-east-1")
            assert head["authorization"].endswith(f"Signature={signature}")
            signatures.add(signature)
        assert len(signatures) == 3
        dates = [taken_apart(asked)[1]["x-amz-date"] for asked in made.asked]
        assert dates == ["20260921T141321Z", "20260921T141323Z", "20260921T141326Z"]


@pytest.mark.parametrize(
    ("key", "line"),
    [("ABSKkey==", b"\r\nAuthorization: Bearer ABSKkey==\r\n"), (None, b"\r\nContent-Length: 2\r\n\r\n{}")],
)
async def test_a_key_that_does_not_sign(
    upstream: tuple[Upstream, Clock], key: str | None, line: bytes
) -> None:
    async with vendor(says(whole(b"{}"))) as (made, to):
        to = replace(to, dialect="bedrock", api_key=key)
        await (await upstream[0].send(to, path="/m", body=b"{}", stream=False, request_id="r")).read(10)
        assert line in made.asked[0]
        assert b"x-amz" not in made.asked[0].lower()
        assert made.asked[0].lower().count(b"authorization") == (key is not None)


@pytest.mark.parametrize("key", ["AKID:a:b\r\nX-Evil: 1", "AKI\x00D:a", "AKID\u00e9:a", "ABSK\nx"])
async def test_a_key_that_cannot_stand_in_a_head(upstream: tuple[Upstream, Clock], key: str) -> None:
    async with vendor(says(whole(b"{}"))) as (made, to):
        with pytest.raises(ConnectRefused) as refused:
            await upstream[0].send(
                replace(to, dialect="bedrock", api_key=key), path="/m", body=b"", stream=False, request_id="r"
            )
        assert "AKI" not in str(refused.value)
        assert made.connections == 0
