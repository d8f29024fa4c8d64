"""Images and sound of the simulated vendor: as small as they can be, counted as they would be billed."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import wave
import zlib
from typing import Any, Final

from aiohttp import web

from launch.demo_vendor.counting import count_text
from launch.demo_vendor.frames import CREATED_S, encode, frame

PICTURE_TOKENS: Final = 272
_SIDE: Final = 16  # of a picture, in points
_HERTZ: Final = 8_000
_CHARACTER_S: Final = 0.06
_HALF_PERIOD: Final = 9  # of a hum, in samples


def add_routes(app: web.Application) -> None:
    app.router.add_post("/v1/images/generations", _images)
    app.router.add_post("/v1/audio/speech", _speech)
    app.router.add_post("/v1/audio/transcriptions", _transcription)


async def _images(request: web.Request) -> web.Response:
    body = await _object(request)
    prompt, asked = str(body.get("prompt", "")), body.get("n")
    count = asked if isinstance(asked, int) else 1
    picture = base64.b64encode(_picture(zlib.crc32(prompt.encode()))).decode()
    said, drawn = count_text(prompt), PICTURE_TOKENS * count
    usage = {"input_tokens": said, "output_tokens": drawn, "total_tokens": said + drawn}
    data = [{"b64_json": picture} for _ in range(count)]
    return web.Response(
        body=encode({"created": CREATED_S, "data": data, "usage": usage}), content_type="application/json"
    )


async def _speech(request: web.Request) -> web.Response:
    body = await _object(request)
    sound = _hum(len(str(body.get("input", ""))) * _CHARACTER_S)
    return web.Response(body=sound, content_type="audio/wav")


async def _transcription(request: web.Request) -> web.StreamResponse:
    fields = await request.post()
    file = fields.get("file")
    sound = file.file.read() if isinstance(file, web.FileField) else b""
    seconds = _seconds(sound)
    text = f"시뮬레이션: {seconds}초 길이의 음성입니다."
    usage = {"type": "duration", "seconds": seconds}
    if fields.get("stream") != "true":
        return web.Response(body=encode({"text": text, "usage": usage}), content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in text.split(" "):
        await response.write(frame({"type": "transcript.text.delta", "delta": word + " "}))
        await asyncio.sleep(0.02)
    await response.write(frame({"type": "transcript.text.done", "text": text, "usage": usage}))
    await response.write(b"data: [DONE]\n\n")
    return response


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text='{"error": {"message": "the body must be a JSON object."}}')
    return body


def _picture(number: int) -> bytes:
    """A PNG of one colour."""
    row = b"\0" + number.to_bytes(4, "big")[1:] * _SIDE
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(row * _SIDE)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    )


def _hum(seconds: float) -> bytes:
    period = b"\x60" * _HALF_PERIOD + b"\xa0" * _HALF_PERIOD
    samples = int(seconds * _HERTZ)
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(1)
        written.setframerate(_HERTZ)
        written.writeframes((period * (samples // len(period) + 1))[:samples])
    return out.getvalue()


def _seconds(sound: bytes) -> int:
    """Whole ones, each that has begun; one of what is no WAVE."""
    try:
        with wave.open(io.BytesIO(sound)) as read:
            return int(max(1, -(-read.getnframes() // read.getframerate())))
    except (wave.Error, EOFError):
        return 1
