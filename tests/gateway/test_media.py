"""Images, speech and transcripts from request to settlement."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from metering.money import MICRO_PER_WON
from metering.prices import PriceEntry
from providers.forms import read_form
from tests.fakes.asgi_client import Heard
from tests.fakes.gateway_world import Vendor, World, price, voucher, world
from tests.fakes.sounds import field, file, form, form_type, transcription, wave

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


# -- images

PICTURES = [
    # prices, n, the vendor's answer -> tokens, units, won, estimated
    ({"per_image": 50}, 1, {"data": [{"url": "u"}]}, ({}, {"images": 1}, 50, False)),
    ({"per_image": 50}, 3, {"data": [{}, {}]}, ({}, {"images": 2}, 100, False)),
    ({"per_image": 50}, 1, {"data": [{}, {}]}, ({}, {"images": 1}, 50, False)),
    ({"per_image": 50}, 1, {"data": []}, ({}, {"images": 0}, 0, False)),
    (
        {"per_image": 50, "input": 100_000, "output": 1_000_000}, 1,
        {"data": [{}], "usage": TOKENS},
        ({"input": 10, "output": 20}, {"images": 1}, 71, False),
    ),
    ({"input": 100_000}, 1, {"data": [{}]}, ({"input": 14}, {"images": 1}, 1, True)),
]  # fmt: skip


@pytest.mark.parametrize(("prices", "n", "answer", "expected"), PICTURES)
async def test_images_are_counted(
    tmp_path: Path, prices: dict[str, int], n: int, answer: dict[str, Any], expected: Any
) -> None:
    async with world(says(answer), tmp_path, **priced(**prices)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, "n": n, "quality": "high"})
        assert (heard.status, heard.json) == (200, answer)
        assert heard.headers["x-voucher-charge-krw"] == str(expected[2]) or expected[3]
        assert w.seen == [{**DRAW, "n": n, "quality": "high", "model": "vendor-model"}]
        assert charged(w) == expected


@pytest.mark.parametrize(
    ("won", "n", "status"),
    [(100, 2, 200), (99, 2, 402), (100, 3, 402)],
)
async def test_all_images_are_held_before_one_is_drawn(tmp_path: Path, won: int, n: int, status: int) -> None:
    paying = voucher(won, 0, share_ppm=1_000_000)
    answer = {"data": [{"b64_json": "AA"}] * n}
    async with world(says(answer), tmp_path, vouchers=(paying,), **priced(per_image=50)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, "n": n})
        assert heard.status == status
        assert len(w.seen) == (status == 200)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"n": 0}, "n"),
        ({"stream": True}, "stream"),
        ({"model": 7}, "model"),
    ],
)
async def test_images_that_cannot_be_metered(tmp_path: Path, body: dict[str, Any], param: str) -> None:
    async with world(says({}), tmp_path, **priced(per_image=50)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, **body})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen


async def test_an_answer_without_images_costs_nothing(tmp_path: Path) -> None:
    for number, answer in enumerate(({"created": 1}, {"error": {"message": "no"}, "data": [{}]}, b"no json")):
        async with world(says(answer), tmp_path / str(number), **priced(per_image=50)) as w:
            heard = await w.client.call("POST", IMAGES, DRAW)
            assert (heard.status, heard.code) == (502, "upstream_error")
            assert w.events[0].charge_micro == 0


# -- speech


async def test_speech_is_charged_by_its_characters(tmp_path: Path) -> None:
    async with world(says(SOUND, "audio/mpeg"), tmp_path, **priced(per_1000_characters=2000)) as w:
        heard = await w.client.call("POST", SPEECH, SAY)
        assert (heard.status, heard.body) == (200, SOUND)
        assert heard.headers["content-type"] == "audio/mpeg"
        assert heard.headers["x-content-type-options"] == "nosniff"
        assert heard.headers["x-voucher-charge-krw"] == "10"
        assert w.seen == [{**SAY, "model": "vendor-model"}]
        assert charged(w) == ({}, {"characters": 5}, 10, False)


@pytest.mark.parametrize(
    ("kind", "passed"),
    [
        ("audio/wav", "audio/wav"),
        ("Audio/PCM; rate=24000", "audio/pcm; rate=24000"),
        ("audio/mpeg; x=<script>", "audio/mpeg"),
        ("audio/x-unheard-of", "application/octet-stream"),
        ("application/octet-stream", "application/octet-stream"),
        ("text/html", None),
        ("image/svg+xml", None),
    ],
)
async def test_kinds_of_sound(tmp_path: Path, kind: str, passed: str | None) -> None:
    async with world(says(SOUND, kind), tmp_path, **priced(per_1000_characters=2000)) as w:
        heard = await w.client.call("POST", SPEECH, SAY)
        if passed is None:
            assert (heard.status, heard.code, w.events[0].charge_micro) == (502, "upstream_error", 0)
        else:
            assert (heard.status, heard.headers["content-type"]) == (200, passed)


def spoken(*pieces: bytes) -> list[dict[str, Any]]:
    deltas = [{"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces]
    return [*deltas, {"type": "speech.audio.done", "usage": TOKENS}]


BY_TOKENS = priced(input=100_000, output_audio=1_000_000)


async def test_where_tokens_have_a_price_a_stream_is_asked_for_and_put_together(tmp_path: Path) -> None:
    async with world(events(*spoken(SOUND[:100], SOUND[100:])), tmp_path, **BY_TOKENS) as w:
        heard = await w.client.call("POST", SPEECH, {**SAY, "response_format": "wav"})
        assert (heard.status, heard.body, heard.headers["content-type"]) == (200, SOUND, "audio/wav")
        assert w.seen[0]["stream_format"] == "sse"
        assert charged(w) == ({"input": 10, "output_audio": 20}, {"characters": 5}, 21, False)


async def test_a_stream_of_speech(tmp_path: Path) -> None:
    async with world(events(*spoken(b"one", b"two")), tmp_path, **BY_TOKENS) as w:
        heard = await w.client.call("POST", SPEECH, {**SAY, "stream_format": "sse"})
        *deltas, comment, done = heard.frames
        assert [orjson.loads(delta[6:])["audio"] for delta in deltas] == ["b25l", "dHdv"]
        assert comment.startswith(": voucher charge_krw=21 ")
        assert orjson.loads(done[6:]) == {"type": "speech.audio.done", "usage": TOKENS}
        assert charged(w)[0] == {"input": 10, "output_audio": 20}


@pytest.mark.parametrize(
    "broken",
    [
        [{"type": "speech.audio.delta", "audio": "???"}],
        [{"type": "error", "error": {"message": "m"}}],
        [{"type": "error"}],
        [*spoken(b"one")[:1]],
    ],
)
async def test_speech_that_breaks_off_is_not_charged_where_nothing_reaches_the_caller(
    tmp_path: Path, broken: list[Any]
) -> None:
    async with world(events(*broken), tmp_path, **BY_TOKENS) as w:
        heard = await w.client.call("POST", SPEECH, SAY)
        assert (heard.status, heard.code, w.events[0].charge_micro) == (502, "upstream_error", 0)


async def test_a_stream_of_speech_that_breaks_off_is_an_estimate(tmp_path: Path) -> None:
    async with world(events(*spoken(SOUND)[:1]), tmp_path, **BY_TOKENS) as w:
        heard = await w.client.call("POST", SPEECH, {**SAY, "stream_format": "sse"})
        assert orjson.loads(heard.frames[-1][6:])["error"]["code"] == "upstream_error"
        tokens, units, _, estimated = charged(w)
        assert (tokens["output_audio"], units, estimated) == (2, {"characters": 5}, True)


async def test_a_binary_answer_is_kept_for_a_repeat(tmp_path: Path) -> None:
    async with world(says(SOUND, "audio/mpeg"), tmp_path, **priced(per_1000_characters=2000)) as w:
        first = await w.client.call("POST", SPEECH, SAY, headers={"idempotency-key": "k"})
        again = await w.client.call("POST", SPEECH, SAY, headers={"idempotency-key": "k"})
        assert (again.body, again.headers) == (first.body, first.headers)
        assert (len(w.seen), len(w.events)) == (1, 1)


async def test_an_estimate_knows_what_a_product_is_for(tmp_path: Path) -> None:
    async with world(says({}), tmp_path, **priced(per_image=50, per_1000_characters=2000)) as w:
        for body, won in (({**DRAW, "n": 3}, "150"), (SAY, "10")):
            heard = await w.client.call("POST", "/v1/estimate", body)
            assert (heard.json["charge_krw_max"], heard.json["payable"]) == (won, True)


# -- transcripts

WHISPER = {"text": "안녕", "usage": {"type": "duration", "seconds": 3}}
TRANSCRIPTS = [
    # prices, what is wanted, the vendor's answer -> tokens, units, won, estimated
    ({"per_second": 10}, {}, WHISPER, ({}, {"seconds": 3}, 30, False)),
    ({"per_second": 10}, {}, {"text": "", "duration": 2.1}, ({}, {"seconds": 3}, 30, False)),
    ({"per_second": 10}, {}, {"text": "안녕"}, ({"input_audio": 20, "output": 1}, {"seconds": 2}, 20, True)),
    (
        {"input": 100_000, "input_audio": 1_000_000, "output": 0}, {},
        {"text": "안녕", "usage": HEARD_TOKENS},
        ({"input": 3, "input_audio": 7, "output": 20}, {}, 7, False),
    ),
    (
        {"per_second": 10}, {},
        {"text": "안녕", "usage": HEARD_TOKENS},
        ({"input": 3, "input_audio": 7, "output": 20}, {"seconds": 2}, 20, True),
    ),
    (
        {"input_audio": 1_000_000}, {"response_format": "verbose_json"},
        {"text": "안녕", "duration": 1.5},
        ({"input_audio": 23, "output": 1}, {"seconds": 2}, 23, True),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("prices", "more", "answer", "expected"), TRANSCRIPTS)
async def test_transcripts_are_charged(
    tmp_path: Path, prices: dict[str, int], more: dict[str, str], answer: dict[str, Any], expected: Any
) -> None:
    async with world(says(answer), tmp_path, **priced(**prices)) as w:
        heard = await transcribe(w, wave(1.5), **more)
        assert (heard.status, heard.json) == (200, answer)
        assert charged(w) == expected


async def test_the_vendor_gets_a_form_of_ours(tmp_path: Path) -> None:
    sound = wave(0.1) + b"\r\n--voucher-gateway-0--\r\n"
    seen: list[str] = []

    async def vendor(request: web.Request) -> web.Response:
        seen.append(request.headers["content-type"])
        return web.json_response(WHISPER)

    async with world(vendor, tmp_path, **priced(per_second=10)) as w:
        body = form(
            field("timestamp_granularities[]", "word"),
            field("model", "x1"),
            field("x_new", "값"),
            file(sound, filename='a "b"%.wav'.replace('"', "%22")),
            field("timestamp_granularities[]", "segment"),
        )
        heard = await w.client.call("POST", TRANSCRIPTIONS, body, headers={"content-type": form_type()})
        assert heard.status == 200
        assert seen == ["multipart/form-data; boundary=voucher-gateway-1"]
        got = read_form(seen[0], w.seen[0])
        assert {name: [part.data for part in parts] for name, parts in got.items()} == {
            "timestamp_granularities[]": [b"word", b"segment"],
            "model": [b"vendor-model"],
            "x_new": ["값".encode()],
            "file": [sound],
        }
        assert (got["file"][0].filename, got["file"][0].kind) == ('a "b"%.wav', "audio/wav")


async def test_a_translation_is_a_transcript_on_another_path(tmp_path: Path) -> None:
    asked: list[str] = []

    async def vendor(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(WHISPER)

    async with world(vendor, tmp_path, **priced(per_second=10)) as w:
        kind = {"content-type": form_type()}
        heard = await w.client.call("POST", "/v1/audio/translations", transcription(wave()), headers=kind)
        assert (heard.json, charged(w)[2], asked) == (WHISPER, 30, ["/v1/audio/translations"])


async def test_plain_text_comes_out_of_the_vendor_s_json(tmp_path: Path) -> None:
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:
        heard = await transcribe(w, wave(1.5), response_format="text")
        assert (heard.body.decode(), heard.headers["content-type"]) == ("안녕\n", "text/plain; charset=utf-8")
        assert read_form(form_type("voucher-gateway-0"), w.seen[0])["response_format"][0].data == b"json"
        assert charged(w)[2:] == (30, False)


SRT = b"1\n00:00:00,000 --> 00:00:03,000\n--\n\n2\n00:00:03,000 --> 00:01:04,500\nhi\n\n"
VTT = b"WEBVTT\n\n00:00.000 --> 00:07.000\nhi\n\n"


@pytest.mark.parametrize(
    ("wanted", "body", "seconds"),
    [("srt", SRT, 65), ("vtt", VTT, 7), ("srt", b"", 2), ("vtt", b"WEBVTT\n\n-->", 2)],
)
async def test_subtitles_are_an_estimate(tmp_path: Path, wanted: str, body: bytes, seconds: int) -> None:
    async with world(says(body, "text/plain"), tmp_path, **priced(per_second=10)) as w:
        heard = await transcribe(w, wave(1.5), response_format=wanted)
        assert (heard.status, heard.body) == (200, body)
        assert charged(w)[1:] == ({"seconds": seconds}, 10 * seconds, True)


@pytest.mark.parametrize("done", [True, False])
async def test_a_stream_of_text(tmp_path: Path, done: bool) -> None:
    end = {"type": "transcript.text.done", "text": "안녕", "usage": HEARD_TOKENS}
    vendor = events({"type": "transcript.text.delta", "delta": "안녕"}, end, done=done)
    async with world(vendor, tmp_path, **priced(input_audio=1_000_000, output=0)) as w:
        heard = await transcribe(w, wave(1.5), stream="true")
        delta, comment, last, *rest = heard.frames
        assert orjson.loads(delta[6:])["delta"] == "안녕"
        assert comment.startswith(": voucher charge_krw=7 ")
        assert orjson.loads(last[6:]) == end
        assert rest == (["data: [DONE]"] if done else [])
        assert charged(w)[0] == {"input": 3, "input_audio": 7, "output": 20}


async def test_a_model_that_does_not_stream_answers_whole(tmp_path: Path) -> None:
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:
        heard = await transcribe(w, wave(1.5), stream="true")
        assert (heard.json, charged(w)[2]) == (WHISPER, 30)


async def test_the_longest_the_sound_can_be_is_held(tmp_path: Path) -> None:
    paying = voucher(20, 0, share_ppm=1_000_000)
    async with world(says(WHISPER), tmp_path, vouchers=(paying,), **priced(per_second=10)) as w:
        assert (await transcribe(w, wave(2.1))).status == 402
        assert (await transcribe(w, b"OggS")).status == 402
        assert not w.seen
        assert (await transcribe(w, wave(1.9))).status == 200


async def test_a_repeat_is_known_under_another_boundary(tmp_path: Path) -> None:
    once = {"idempotency-key": "k"}
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:
        first = await transcribe(w, wave(), "b-1", headers=once)
        again = await transcribe(w, wave(), "b-2", headers=once)
        assert (again.status, again.body) == (200, first.body)
        other = await transcribe(w, wave(), "b-1", headers=once, language="ko")
        assert (other.status, other.code) == (422, "idempotency_mismatch")
        assert (len(w.seen), len(w.events)) == (1, 1)


REFUSED = [
    (b"{}", "application/json", None),
    (b"", form_type(), None),
    (transcription(wave()), form_type("another"), None),
    (form(field("model", "x1")), form_type(), "file"),
    (form(field("model", "x1"), file(b"")), form_type(), "file"),
    (form(field("model", "x1"), file(b"a"), file(b"b")), form_type(), "file"),
    (form(field("model", "x1"), file(b"a"), file(b"b", "other")), form_type(), "file"),
    (form(field("model", "x1"), field("model", "x1"), file(b"a")), form_type(), "model"),
    (form(file(b"a")), form_type(), "model"),
    (form(file(b"a", "model")), form_type(), "file"),
    (transcription(b"a", response_format="yaml"), form_type(), "response_format"),
    (transcription(b"a", stream="maybe"), form_type(), "stream"),
    (form(field("model", b"\xff"), file(b"a")), form_type(), "model"),
]


@pytest.mark.parametrize(("body", "kind", "param"), REFUSED)
async def test_forms_that_cannot_be_metered(
    tmp_path: Path, body: bytes, kind: str, param: str | None
) -> None:
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:
        heard = await w.client.call("POST", TRANSCRIPTIONS, body, headers={"content-type": kind})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen


async def test_each_purpose_has_its_products(tmp_path: Path) -> None:
    async with world(says({}), tmp_path) as w:
        for path, body in ((IMAGES, DRAW), (SPEECH, SAY)):
            assert (await w.client.call("POST", path, body)).code == "purpose_mismatch"
        assert (await transcribe(w, wave())).code == "purpose_mismatch"
        for path in ("/v1/images/edits", "/v1/images/variations", "/v1/audio/voices"):
            assert (await w.client.call("POST", path, DRAW)).code == "route_not_found"
