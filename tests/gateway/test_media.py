"""Images and speech from request to settlement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from providers.openai import media_stream
from tests.fakes.gateway_world import answer, voucher, world
from tests.fakes.media_vendor import (
    DRAW,
    IMAGES,
    SAY,
    SOUND,
    SPEECH,
    TOKENS,
    charged,
    events,
    priced,
    says,
    spoken,
    transcribe,
)
from tests.fakes.sounds import wave

# -- images

PICTURES = [
    # prices, n, the vendor's answer -> tokens, units, won, estimated
    ({"per_image": 50}, 1, {"data": [{"url": "u"}]}, ({}, {"images": 1}, 50, False)),
    ({"per_image": 50}, 3, {"data": [{}, {}]}, ({}, {"images": 2}, 100, False)),
    ({"per_image": 50}, 1, {"data": [{}, {}]}, ({}, {"images": 2}, 100, False)),
    ({"per_image": 50}, 1, {"data": []}, ({}, {"images": 0}, 0, False)),
    (
        {"per_image": 50, "input": 100_000, "output": 1_000_000}, 1,
        {"data": [{}], "usage": TOKENS},
        ({"input": 10, "output": 20}, {"images": 1}, 71, False),
    ),
    # Nobody counted the tokens: all that the product allows, or what is documented for size and quality.
    ({"input": 100_000}, 1, {"data": [{}]}, ({"input": 14, "output": 100}, {"images": 1}, 1, True)),
    (
        {"input": 0, "output": 1_000_000}, 3, {"data": [{}, "https://u"]},
        ({"input": 14, "output": 200}, {"images": 2}, 200, True),
    ),
    (
        {"input": 0, "output": 1_000_000}, 1,
        {"data": [{}], "usage": {"input_tokens": 9, "output_tokens": 0}},
        ({"input": 9, "output": 100}, {"images": 1}, 100, True),
    ),
    (
        {"input": 0, "output": 1_000_000}, 1, {"data": [{}] * 9},
        ({"input": 14, "output": 100}, {"images": 9}, 100, True),  # no more than is held
    ),
]  # fmt: skip


@pytest.mark.parametrize(("prices", "n", "said", "expected"), PICTURES)
async def test_images_are_counted(
    tmp_path: Path, prices: dict[str, int], n: int, said: dict[str, Any], expected: Any
) -> None:
    async with world(says(said), tmp_path, **priced(**prices)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, "n": n, "quality": "high"})
        assert (heard.status, heard.json) == (200, said)
        assert heard.headers["x-voucher-charge-krw"] == str(expected[2]) or expected[3]
        assert w.seen == [{**DRAW, "n": n, "quality": "high", "model": "vendor-model"}]
        assert charged(w) == expected


@pytest.mark.parametrize(
    ("asked", "told", "output"),
    [
        ({"quality": "low", "size": "1024x1024"}, {}, 2 * 272),
        ({"quality": "auto"}, {"quality": "medium", "size": "1024x1536"}, 2 * 1584),
        ({"quality": "low", "size": "1024x1024"}, {"quality": "high", "size": "1536x1024"}, 2 * 6208),
        ({"quality": ["low"], "size": 1}, {"quality": {}}, 2 * 8000),
    ],
)
async def test_tokens_of_pictures_that_nobody_counted_go_by_size_and_quality(
    tmp_path: Path, asked: dict[str, Any], told: dict[str, Any], output: int
) -> None:
    by_tokens = priced(input=0, output=1_000) | {"max_output_tokens": 8000}
    async with world(says({"data": [{}, {}], **told}), tmp_path, **by_tokens) as w:
        assert (await w.client.call("POST", IMAGES, {**DRAW, "n": 2, **asked})).status == 200
        tokens, _, _, estimated = charged(w)
        assert (tokens["output"], estimated) == (output, True)


@pytest.mark.parametrize(
    ("won", "n", "status"),
    [(100, 2, 200), (99, 2, 402), (100, 3, 402)],
)
async def test_all_images_are_held_before_one_is_drawn(tmp_path: Path, won: int, n: int, status: int) -> None:
    paying = voucher(won, 0, share_ppm=1_000_000)
    said = {"data": [{"b64_json": "AA"}] * n}
    async with world(says(said), tmp_path, vouchers=(paying,), **priced(per_image=50)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, "n": n})
        assert heard.status == status
        assert len(w.seen) == (status == 200)


@pytest.mark.parametrize(("won", "n", "status"), [(201, 2, 200), (200, 2, 402), (101, 1, 200)])
async def test_all_their_tokens_are_held_for_nothing_limits_them(
    tmp_path: Path, won: int, n: int, status: int
) -> None:
    paying = voucher(won, 0, share_ppm=1_000_000)
    vendor = says({"data": [{}], "usage": TOKENS})
    async with world(vendor, tmp_path, vouchers=(paying,), **priced(input=1_000, output=1_000_000)) as w:
        assert (await w.client.call("POST", IMAGES, {**DRAW, "n": n})).status == status


async def test_what_images_cost_does_not_make_a_product_one_that_hides_its_output(tmp_path: Path) -> None:
    async def vendor(request: web.Request) -> web.Response:
        usage = {"input_tokens": 1, "output_tokens": 95}
        return web.json_response(
            answer() if request.path.endswith("completions") else {"data": [{}], "usage": usage}
        )

    both = priced(input=1_000, output=1_000_000) | {"purposes": frozenset({"chat", "image"})}
    paying = voucher(190, 0, share_ppm=1_000_000)
    async with world(vendor, tmp_path, vouchers=(paying,), **both) as w:
        assert (await w.client.call("POST", IMAGES, DRAW)).status == 200
        chat = {"model": "x1", "messages": [{"role": "user", "content": "hi"}]}
        assert (await w.client.call("POST", "/v1/chat/completions", chat)).status == 200
        assert w.seen[-1]["stream"] is True, "money is scarce, and a chat can be cut"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"n": 0}, "n"),
        ({"stream": True}, "stream"),
        ({"batch_size": 4}, "batch_size"),
        ({"model": 7}, "model"),
    ],
)
async def test_images_that_cannot_be_metered(tmp_path: Path, body: dict[str, Any], param: str) -> None:
    async with world(says({}), tmp_path, **priced(per_image=50)) as w:
        heard = await w.client.call("POST", IMAGES, {**DRAW, **body})
        assert (heard.status, heard.code, heard.json["error"]["param"]) == (400, "invalid_request", param)
        assert not w.seen


async def test_an_answer_without_images_costs_nothing(tmp_path: Path) -> None:
    for number, said in enumerate(({"created": 1}, {"error": {"message": "no"}, "data": [{}]}, b"no json")):
        async with world(says(said), tmp_path / str(number), **priced(per_image=50)) as w:
            heard = await w.client.call("POST", IMAGES, DRAW)
            assert (heard.status, heard.code) == (502, "upstream_error")
            assert w.events[0].charge_micro == 0


HUGE = b'{"data":[{"b64_json":"' + b"A" * (1 << 20) + b'"}]}'


@pytest.mark.parametrize(
    ("path", "body", "prices", "expected"),
    [
        (IMAGES, {**DRAW, "n": 2}, {"per_image": 50}, ({}, {"images": 2}, 100, True)),
        (
            IMAGES, {**DRAW, "n": 2}, {"input": 0, "output": 1_000_000},
            ({"input": 10, "output": 200}, {"images": 2}, 200, True),
        ),
        (SPEECH, SAY, {"per_1000_characters": 2000}, ({}, {"characters": 5}, 10, True)),
    ],
)  # fmt: skip
async def test_an_answer_too_large_to_be_read_was_made_and_is_charged(
    tmp_path: Path, path: str, body: dict[str, Any], prices: dict[str, int], expected: Any
) -> None:
    kind = "application/json" if path == IMAGES else "audio/mpeg"
    async with world(says(HUGE, kind), tmp_path, **priced(**prices)) as w:
        heard = await w.client.call("POST", path, body)
        assert (heard.status, heard.code, heard.headers["x-should-retry"]) == (502, "upstream_error", "false")
        assert (len(w.seen), charged(w)) == (1, expected)
        assert (w.events[0].end_reason, w.events[0].error) == ("upstream_error", "upstream_error")


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


@pytest.mark.parametrize("tells", [True, False])
async def test_sound_too_long_to_be_put_together_was_made_and_is_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tells: bool
) -> None:
    monkeypatch.setattr(media_stream, "SOUND_BYTES_MAX", 1000)
    first, done = spoken(bytes(1001))
    async with world(events(*[first, done][: 2 if tells else 1]), tmp_path, **BY_TOKENS) as w:
        heard = await w.client.call("POST", SPEECH, SAY)
        assert (heard.status, heard.code, heard.headers["x-should-retry"]) == (502, "upstream_error", "false")
        tokens, _, _, estimated = charged(w)
        assert (tokens["output_audio"], estimated) == ((20, False) if tells else (100, True))


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


async def test_each_purpose_has_its_products(tmp_path: Path) -> None:
    async with world(says({}), tmp_path) as w:
        for path, body in ((IMAGES, DRAW), (SPEECH, SAY)):
            assert (await w.client.call("POST", path, body)).code == "purpose_mismatch"
        assert (await transcribe(w, wave())).code == "purpose_mismatch"
        for path in ("/v1/images/edits", "/v1/images/variations", "/v1/audio/voices"):
            assert (await w.client.call("POST", path, DRAW)).code == "route_not_found"
