"""A vendor of images, speech and transcripts, and what the books hear of such a call."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from aiohttp import web

from metering.money import MICRO_PER_WON
from metering.prices import PriceEntry
from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import Vendor, World, price
from tests.fakes.sounds import form_type, transcription

IMAGES, SPEECH, TRANSCRIPTIONS = "/v1/images/generations", "/v1/audio/speech", "/v1/audio/transcriptions"
DRAW: dict[str, Any] = {"model": "x1", "prompt": "a cat"}
SAY: dict[str, Any] = {"model": "x1", "input": "안녕하세요", "voice": "coral"}
SOUND = bytes(range(256)) * 8
TOKENS = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}
HEARD_TOKENS = {"type": "tokens", "input_token_details": {"text_tokens": 3, "audio_tokens": 7}, **TOKENS}


def priced(**won: int) -> dict[str, Any]:
    """Changes of the product: it serves all three, at this price."""
    micro = {name: amount * MICRO_PER_WON for name, amount in won.items()}
    units = {name: amount for name, amount in micro.items() if name.startswith("per_")}
    tokens = {name: won[name] for name in won if name not in units}
    entry = price(input=0) if not tokens else price(**tokens)
    listed = {name: getattr(entry, name) for name in PriceEntry.__slots__} | units
    return {
        "purposes": frozenset({"image", "speech", "transcription"}),
        "prices": (PriceEntry(**listed),),
        "max_output_tokens": 100,
        "context_tokens": 16_000,
    }


def says(body: Any, kind: str = "application/json") -> Vendor:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)

    async def vendor(request: web.Request) -> web.Response:
        return web.Response(body=raw, headers={"content-type": kind})

    return vendor


def events(*said: Any, done: bool = False) -> Vendor:
    """A stream of events, framed as OpenAI frames these."""
    frames = [b"data: " + orjson.dumps(event) + b"\r\n\r\n" for event in said]
    return says(b"".join(frames) + (b"data: [DONE]\r\n\r\n" if done else b""), "text/event-stream")


async def transcribe(w: World, sound: bytes, boundary: str = "b-1", **more: Any) -> Heard:
    headers = {"content-type": form_type(boundary), **more.pop("headers", {})}
    return await w.client.call(
        "POST", TRANSCRIPTIONS, transcription(sound, boundary, **more), headers=headers
    )


def charged(w: World) -> tuple[dict[str, int], dict[str, int], int, bool]:
    """(tokens that are not zero, units, won, is it an estimate) of the only call."""
    (event,) = w.events
    tokens = {name: count for name, count in event.tokens.items() if count}
    return tokens, event.units, event.charge_micro // MICRO_PER_WON, event.estimated


def spoken(*pieces: bytes) -> list[dict[str, Any]]:
    deltas = [{"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces]
    return [*deltas, {"type": "speech.audio.done", "usage": TOKENS}]
