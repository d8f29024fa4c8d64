"""Realtime sessions end to end: a conversation, what it costs, and every way in which it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.gateway_world import price
from tests.fakes.realtime_client import house
from tests.fakes.realtime_vendor import Vendor, usage


async def test_each_response_is_one_call_of_the_books(tmp_path: Path) -> None:
    vendor = Vendor([usage(text_in=20, text=7), usage(30, 100, cached=40, cached_audio=25, text=8, audio=60)])
    prices = price(
        input=1000, cached_input=100, output=4000, input_audio=30_000, output_audio=60_000
    )
    async with house(vendor, tmp_path, prices=(prices,)) as h:
        async with h.talk() as talk:
            created = await talk.hear()
            assert (created["type"], created["session"]["model"]) == ("session.created", "x1")
            await talk.say("session.update", session={"type": "realtime", "instructions": "be brief"})
            assert (await talk.hear())["session"]["model"] == "x1"
            for _ in range(2):
                await talk.say("response.create")
                kinds = [(await talk.hear())["type"] for _ in range(4)]
                assert kinds == ["response.created", *["response.output_text.delta"] * 2, "response.done"]
                assert h.charged, "it is settled before the client hears of its end"
        await h.settled(2)
        assert [event.tokens for event in h.charged] == [
            dict.fromkeys(h.charged[0].tokens, 0) | {"input": 20, "output": 7},
            dict.fromkeys(h.charged[0].tokens, 0)
            | {"input": 15, "cached_input": 40, "input_audio": 75, "output": 8, "output_audio": 60},
        ]
        assert [event.charge_micro for event in h.charged] == [
            20 * 1000 + 7 * 4000,
            15 * 1000 + 40 * 100 + 75 * 30_000 + 8 * 4000 + 60 * 60_000,
        ]
        assert len({event.op for event in h.charged}) == 2
        assert {event.end_reason for event in h.charged} == {"completed"}
        assert [event.upstream_request_id for event in h.charged] == ["resp_1", "resp_2"]
        shown = await h.world.voucher()
        assert shown["government"]["held_krw"] == shown["self"]["held_krw"] == "0"
    asked = vendor.asked[0]
    assert asked.query == {"model": "vendor-model"}
    assert asked.headers["Authorization"] == "Bearer vendor-key"
