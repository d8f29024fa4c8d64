"""What a vendor of OpenAI's dialect keeps for our account is good for every company: refused by name."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from providers.facts import IN_BODY, BadRequest
from providers.openai.dialect import CHAT, COMPLETIONS, IMAGES, SPEECH
from providers.openai_realtime.client_events import BadEvent, read_client_event

HI: Final = {"role": "user", "content": "hi"}
OWN: Final = {"id": "voice_1"}


def chat(**fields: Any) -> None:
    CHAT.read({"model": "m", "messages": [HI], **fields}, 9, IN_BODY)


def completion(**fields: Any) -> None:
    COMPLETIONS.read({"model": "m", "prompt": "hi", **fields}, 9, IN_BODY)


def speech(**fields: Any) -> None:
    SPEECH.read({"model": "m", "input": "a", **fields}, 9, IN_BODY)


def images(**fields: Any) -> None:
    IMAGES.read({"model": "m", "prompt": "a", **fields}, 9, IN_BODY)


def session(**fields: Any) -> None:
    body = {"type": "session.update", "session": fields}
    read_client_event(orjson.dumps(body).decode(), product_id="p", output_tokens_max=9)


def response(**fields: Any) -> None:
    body = {"type": "response.create", "response": fields}
    read_client_event(orjson.dumps(body).decode(), product_id="p", output_tokens_max=9)


@pytest.mark.parametrize(
    ("said", "fields", "param"),
    [
        (chat, {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}, HI]}, "messages"),
        (chat, {"audio": {"voice": OWN, "format": "mp3"}}, "audio"),
        (chat, {"conversation": "conv_1"}, "conversation"),
        (chat, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (completion, {"previous_response_id": "resp_1"}, "previous_response_id"),
        (speech, {"voice": OWN}, "voice"),
        (images, {"images": [{"file_id": "file-1"}]}, "images"),
        (images, {"mask": {"file_id": "file-1"}}, "mask"),
        (session, {"voice": OWN}, "session.voice"),
        (session, {"audio": {"output": {"voice": OWN}}}, "session.audio.output.voice"),
        (response, {"audio": {"output": {"voice": OWN}}}, "response.audio.output.voice"),
    ],
)
def test_it_is_refused(said: Any, fields: dict[str, Any], param: str) -> None:
    with pytest.raises((BadRequest, BadEvent)) as refused:
        said(**fields)
    reason = refused.value.reason if isinstance(refused.value, BadEvent) else refused.value
    assert isinstance(reason, BadRequest)
    assert reason.param == param
    assert "the vendor keeps" in reason.message_en
    assert "보관" in reason.message_ko


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        (chat, {"messages": [{"role": "assistant", "content": "a", "audio": None}, HI]}),
        (chat, {"audio": {"voice": "alloy", "format": "mp3"}}),
        (speech, {"voice": "alloy"}),
        (images, {"images": [{"image_url": "data:image/png;base64,AAAA"}], "mask": None}),
        (session, {"audio": {"output": {"voice": "marin"}}, "voice": None}),
    ],
)
def test_what_all_callers_have_passes(said: Any, fields: dict[str, Any]) -> None:
    said(**fields)
