"""OpenAI's own SDK, with its base URL and key changed, holds a realtime session."""

from __future__ import annotations

from pathlib import Path

from openai import AsyncOpenAI

from tests.fakes.gateway_world import KEY
from tests.fakes.realtime_client import house
from tests.fakes.realtime_vendor import Vendor, usage


async def test_a_conversation(tmp_path: Path) -> None:
    async with house(Vendor([usage(12, text=3), usage(40, text=4)]), tmp_path) as h:
        sdk = AsyncOpenAI(base_url=f"http://127.0.0.1:{h.port}/v1", api_key=KEY)
        async with sdk, sdk.realtime.connect(model="x1") as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            said = []
            for _ in range(2):
                await connection.conversation.item.create(
                    item={
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "안녕하세요"}],
                    }
                )
                await connection.response.create()
                async for event in connection:
                    if event.type == "session.updated":
                        assert event.session.type == "realtime"
                        assert event.session.model == "x1"
                    if event.type == "response.output_text.delta":
                        said.append(event.delta)
                    if event.type == "response.done":
                        assert event.response.usage is not None
                        said.append(str(event.response.usage.output_tokens))
                        break
            assert said == ["hel", "lo", "3", "hel", "lo", "4"]
        await h.settled(2)
        assert [event.tokens["input"] for event in h.charged] == [12, 40]
