"""What tests of files and batches say."""

from __future__ import annotations

from typing import Any, Final

import orjson

from metering.event import UsageEvent
from providers.forms import Part, content_type_of, write_form
from tests.fakes.asgi_client import AsgiClient, Heard
from tests.fakes.gateway_world import World
from tests.gateway.test_stored import until


def chat_line(custom_id: str = "a", /, **body: Any) -> dict[str, Any]:
    asked = {"model": "x1", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": asked}


def jsonl(*lines: Any) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


LINES: Final = jsonl(chat_line("a"), chat_line("b"), chat_line("c"))
LINE_MICRO: Final = 30_000  # 10 tokens in, 5 out


async def upload(
    client: AsgiClient,
    content: bytes = LINES,
    *,
    purpose: str = "batch",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> Heard:
    parts = [Part(name="purpose", data=purpose.encode())]
    parts += [Part(name=name, data=value.encode()) for name, value in fields.items()]
    parts.append(Part(name="file", data=content, filename="lines.jsonl", kind="application/jsonl"))
    form = write_form(parts)
    said = {"content-type": content_type_of(form), **(headers or {})}
    return await client.call("POST", "/v1/files", form, headers=said)


def asked(file_id: str, **more: Any) -> dict[str, Any]:
    endpoint = "/v1/chat/completions"
    return {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h", **more}


async def begun(w: World, content: bytes = LINES, **more: Any) -> tuple[dict[str, Any], str]:
    """-> the batch as it was told, its usage id"""
    uploaded = await upload(w.client, content)
    assert uploaded.status == 200, uploaded.body
    heard = await w.client.call("POST", "/v1/batches", asked(uploaded.json["id"], **more))
    assert heard.status == 200, heard.body
    return heard.json, heard.headers["x-voucher-usage-id"]


async def held(w: World) -> str:
    return str((await w.voucher())["government"]["held_krw"])


async def ended(w: World) -> UsageEvent:
    """The one event of the one batch."""
    await until(lambda: not w.things.unfinished)
    [event] = w.events
    assert await held(w) == "0"
    return event
