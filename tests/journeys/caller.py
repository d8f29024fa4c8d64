"""A plain client of the data plane: one call, every byte of the answer, also of one that breaks off.

Deliberately no SDK: journeys about crashes must know exactly what arrived.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp

from tests.fakes.our_code import our_code

CALL_WAIT_S = 60.0
SOURCES = ("government", "self")


@dataclass(slots=True)
class Answer:
    """What a client saw of one call. `status` 0: no answer at all; `is_cut`: it broke off."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    is_cut: bool = False

    @property
    def is_done(self) -> bool:
        """A stream's terminal frame arrived."""
        return b"data: [DONE]\n\n" in self.body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """Our code in an error's body, where its dialect has it."""
        try:
            return our_code(self.json)
        except (ValueError, KeyError, TypeError, IndexError):
            return None

    @property
    def usage_id(self) -> str:
        return self.headers["X-Voucher-Usage-Id"]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """The complete data frames of a stream, but for the terminal one."""
        frames = bytes(self.body).replace(b"\r\n", b"\n").split(b"\n\n")[:-1]
        data = [frame[6:] for frame in frames if frame.startswith(b"data: ")]
        return [json.loads(frame) for frame in data if frame != b"[DONE]"]

    @property
    def text(self) -> str:
        """All content of a stream, or of the answer's first choice."""
        if not self.headers.get("Content-Type", "").startswith("text/event-stream"):
            content: str = self.json["choices"][0]["message"]["content"]
            return content
        deltas = [choice["delta"] for chunk in self.chunks for choice in chunk.get("choices", [])]
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def finish_reasons(self) -> list[str]:
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", [])]
        return [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]

    @property
    def comment(self) -> dict[str, str]:
        """The words of `: voucher …`, which stands directly before the terminal frame."""
        head, _, _ = bytes(self.body).partition(b"data: [DONE]")
        last = head.rstrip(b"\n").rpartition(b"\n")[2].decode()
        assert last.startswith(": voucher "), last
        return dict(word.split("=", 1) for word in last.removeprefix(": voucher ").split())


class Caller:
    """One API key's calls."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        into: Answer | None = None,
    ) -> Answer:
        """One call; `into` is filled while it runs. Whatever breaks is in the answer, never raised."""
        said: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        answer = into if into is not None else Answer()
        try:
            async with self._session.post(
                f"{self._url}{path}", **said, headers={**self._headers, **(headers or {})}
            ) as response:
                answer.status, answer.headers = response.status, response.headers.copy()
                async for piece in response.content.iter_any():
                    answer.body += piece
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            answer.is_cut = True
        return answer

    async def chat(
        self,
        text: str = "hello",
        *,
        model: str = "nuri-x1",
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        into: Answer | None = None,
        **more: Any,
    ) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        if stream:
            body["stream"] = True
        return await self.post("/v1/chat/completions", body, headers=headers, into=into)

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._session.get(f"{self._url}{path}", headers=self._headers) as response:
            return response.status, await response.json()

    async def voucher(self) -> dict[str, Any]:
        """The company's first voucher; the sums of this very answer are checked."""
        status, body = await self.get("/v1/voucher")
        assert status == 200, body
        (first, *_) = body["vouchers"]
        assert_whole(first)
        answered: dict[str, Any] = first
        return answered

    async def usage(self) -> list[dict[str, Any]]:
        """All pages, newest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            status, page = await self.get(f"/v1/usage?limit=100{cursor}")
            assert status == 200, page
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def usage_of(self, usage_id: str, *, timeout_s: float = 10.0) -> dict[str, Any]:
        """One record, waited for."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            status, record = await self.get(f"/v1/usage/{usage_id}")
            if status == 200:
                found: dict[str, Any] = record
                return found
            assert asyncio.get_running_loop().time() < deadline_s, f"no usage record {usage_id}: {record}"
            await asyncio.sleep(0.1)


def assert_whole(voucher: Mapping[str, Any]) -> None:
    """spent + held + available + returned = granted, per source, and nothing is below zero."""
    for source in SOURCES:
        part = {name: Decimal(value) for name, value in voucher[source].items()}
        whole = part["spent_krw"] + part["held_krw"] + part["available_krw"] + part["returned_krw"]
        assert whole == part["granted_krw"], (source, voucher[source])
        assert min(part.values()) >= 0, (source, voucher[source])


def micro(krw: str) -> int:
    return int(Decimal(krw) * 1_000_000)


def total_micro(voucher: Mapping[str, Any], name: str) -> int:
    """`spent`, `held`, … of both sources together."""
    return sum(micro(voucher[source][f"{name}_krw"]) for source in SOURCES)


@asynccontextmanager
async def calling(url: str, key: str) -> AsyncIterator[Caller]:
    """A caller with as many connections as it wants."""
    timeout = aiohttp.ClientTimeout(total=CALL_WAIT_S)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=timeout, read_bufsize=2**20
    ) as session:
        yield Caller(session, url, key)
