"""Transcripts from request to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from providers.forms import content_type_of, read_form
from tests.fakes.asgi_client import AsgiClient
from tests.fakes.gateway_world import KEY, voucher, world
from tests.fakes.media_vendor import HEARD_TOKENS, TRANSCRIPTIONS, charged, events, priced, says, transcribe
from tests.fakes.sounds import field, file, form, form_type, transcription, wave

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
        [kind] = seen
        assert kind == content_type_of(w.seen[0])
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
        assert read_form(content_type_of(w.seen[0]), w.seen[0])["response_format"][0].data == b"json"
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


async def test_a_stream_that_tells_seconds_alone_is_an_estimate_where_tokens_have_a_price(
    tmp_path: Path,
) -> None:
    end = {"type": "transcript.text.done", "text": "안녕", "usage": {"type": "duration", "seconds": 2}}
    vendor = events({"type": "transcript.text.delta", "delta": "안녕"}, end)
    for number, (prices, expected) in enumerate(
        [
            ({"input_audio": 1_000_000, "output": 0}, ({"input_audio": 21}, 21, True)),
            ({"per_second": 10}, ({}, 20, False)),
            (
                {"per_second": 10, "input_audio": 1_000_000, "output": 1_000_000},
                ({"input_audio": 21, "output": 1}, 42, True),
            ),
        ]
    ):
        async with world(vendor, tmp_path / str(number), **priced(**prices)) as w:
            assert (await transcribe(w, wave(1.5), stream="true")).status == 200
            tokens, units, won, estimated = charged(w)
            assert (tokens, won, estimated) == expected
            assert units == {"seconds": 2}


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


@pytest.mark.parametrize(("won", "status"), [(16_000, 200), (15_999, 402)])
async def test_sound_may_fill_the_whole_context(tmp_path: Path, won: int, status: int) -> None:
    paying = voucher(won, 0, share_ppm=1_000_000)
    prices = priced(input_audio=1_000_000, output=0)
    async with world(says(WHISPER), tmp_path, vouchers=(paying,), **prices) as w:
        assert (await transcribe(w, wave(0.1))).status == status


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
    (transcription(b"a", file_url="https://example.com/a.wav"), form_type(), "file_url"),
    (form(field("model", b"\xff"), file(b"a")), form_type(), "model"),
]


async def test_two_content_types_are_two_boundaries(tmp_path: Path) -> None:
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:

        async def twice(scope: Any, receive: Any, send: Any) -> None:
            scope["headers"].append((b"content-type", form_type("another").encode()))
            await w.gateway(scope, receive, send)

        kind = {"content-type": form_type()}
        heard = await AsgiClient(twice, KEY).call("POST", TRANSCRIPTIONS, transcription(wave()), headers=kind)
        assert (heard.status, heard.code, w.seen) == (400, "invalid_request", [])


@pytest.mark.parametrize(("body", "kind", "param"), REFUSED)
async def test_forms_that_cannot_be_metered(
    tmp_path: Path, body: bytes, kind: str, param: str | None
) -> None:
    async with world(says(WHISPER), tmp_path, **priced(per_second=10)) as w:
        heard = await w.client.call("POST", TRANSCRIPTIONS, body, headers={"content-type": kind})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen
