"""What passes between a client and a vendor of a realtime session, what is changed, and what is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.facts import BadRequest
from providers.openai_realtime import vendor_events as vendors
from providers.openai_realtime.client_events import BadEvent, read_client_event
from providers.openai_realtime.delivered import Formats, Heard, Said
from providers.openai_realtime.operation import REALTIME, spoken_of
from tests.fakes.any_json import values


def client(body: Any) -> Any:
    text = body if type(body) is str else orjson.dumps(body).decode()
    return read_client_event(text, product_id="x1", output_tokens_max=50)


def told(body: Any) -> Any:
    """What the vendor is told of it."""
    return orjson.loads(client(body).written())


def heard(body: Any) -> Any:
    """What the client hears of a vendor's event."""
    text = orjson.dumps(body).decode()
    event = vendors.read_vendor_event(text)
    assert event is not None
    return orjson.loads(vendors.for_client(event, text, product_id="x1"))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "response.create"},
        {"type": "response.create", "response": {"conversation": "none", "max_output_tokens": 50}},
        {
            "type": "response.create",
            "response": {"max_output_tokens": 49.0, "tools": [{"type": "function"}]},
        },
        {"type": "session.update", "session": {"type": "realtime", "voice": "marin", "tracing": None}},
        {"type": "session.update", "session": {"audio": {"input": {"transcription": None}}}},
        {
            "type": "session.update",
            "session": {"tools": [{"type": "mcp", "server_url": "https://a.example"}]},
        },
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "of.tomorrow", "any": [1, {"thing": None}]},
    ],
)
def test_what_passes_untouched(body: Any) -> None:
    assert told(body) == body


@pytest.mark.parametrize(
    ("session", "becomes"),
    [
        ({"max_output_tokens": 51}, {"max_output_tokens": 50}),
        ({"max_response_output_tokens": 4096.5}, {"max_response_output_tokens": 50}),
        ({"max_output_tokens": "inf"}, {"max_output_tokens": 50}),
        ({"max_response_output_tokens": "inf"}, {"max_response_output_tokens": 50}),
        ({"max_output_tokens": None}, {"max_output_tokens": 50}),
        ({"max_output_tokens": [7]}, {"max_output_tokens": 50}),
        ({"max_output_tokens": True}, {"max_output_tokens": 50}),
        ({"model": "x1", "voice": "marin"}, {"voice": "marin"}),
    ],
)
def test_what_is_changed(session: Any, becomes: Any) -> None:
    assert told({"type": "session.update", "session": session})["session"] == becomes
    assert told({"type": "response.create", "response": dict(session)})["response"] == becomes


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("[]", None),
        ("{", None),
        ('{"type":"a","x":' + "[" * 300 + "]" * 300 + "}", None),
        ({"event_id": "e"}, "type"),
        ({"type": 5}, "type"),
        ({"type": "transcription_session.update"}, "type"),
        ({"type": "session.update", "session": 5}, "session"),
        ({"type": "session.update", "session": {"type": "transcription"}}, "session.type"),
        ({"type": "session.update", "session": {"model": "x2"}}, "session.model"),
        ({"type": "session.update", "session": {"tracing": "auto"}}, "session.tracing"),
        ({"type": "session.update", "session": {"prompt": {"id": "p"}}}, "session.prompt"),
        ({"type": "session.update", "session": {"tools": [{"type": "web_search"}]}}, "session.tools"),
        ({"type": "session.update", "session": {"tools": {"type": "function"}}}, "session.tools"),
        ({"type": "session.update", "session": {"tools": [[]]}}, "session.tools"),
        ({"type": "session.update", "session": {"audio": {"input": {"transcription": {}}}}},
         "session.audio.input.transcription"),
        ({"type": "session.update", "session": {"input_audio_transcription": {"model": "whisper-1"}}},
         "session.input_audio_transcription"),
        ({"type": "response.create", "response": {"prompt": {"id": "p"}}}, "response.prompt"),
        ({"type": "response.create", "response": {"model": "x2"}}, "response.model"),
        ({"type": "response.create", "response": {"tools": [{"type": "web_search"}]}}, "response.tools"),
    ],
)  # fmt: skip
def test_what_is_refused_by_name(body: Any, param: str | None) -> None:
    with pytest.raises((BadEvent, BadRequest)) as refused:
        client(body).written()
    bad = refused.value
    reason = bad.reason if isinstance(bad, BadEvent) else bad
    assert isinstance(reason, BadRequest)
    assert reason.param == param


def test_a_refusal_names_the_event() -> None:
    with pytest.raises(BadEvent) as refused:
        client({"type": 5, "event_id": "e1"})
    assert refused.value.event_id == "e1"


def test_a_field_that_stands_twice_is_told_as_it_was_read() -> None:
    text = '{"type":"response.create","type":"of.tomorrow","max":1,"max":2}'
    assert client(text).written() == '{"type":"of.tomorrow","max":2}'


@pytest.mark.parametrize(
    ("kind", "may_begin"),
    [
        ("response.create", True),
        ("input_audio_buffer.append", True),
        ("input_audio_buffer.commit", True),
        ("of.tomorrow", True),
        ("response.cancel", False),
        ("conversation.item.create", False),
    ],
)
def test_what_may_begin_a_response(kind: str, may_begin: bool) -> None:
    assert client({"type": kind}).may_begin is may_begin


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ({"type": "session.created", "session": {"model": "v", "id": "s"}},
         {"type": "session.created", "session": {"model": "x1", "id": "s"}}),
        ({"type": "response.done", "response": {"model": "v"}},
         {"type": "response.done", "response": {"model": "x1"}}),
        ({"type": "session.created", "session": {"client_secret": {"value": "ek_1"}}},
         {"type": "session.created", "session": {"client_secret": None}}),
        ({"type": "of.tomorrow", "model": "v"}, {"type": "of.tomorrow", "model": "x1"}),
        ({"type": "of.tomorrow", "deep": {"model": "v"}}, {"type": "of.tomorrow", "deep": {"model": "v"}}),
    ],
)  # fmt: skip
def test_what_the_client_hears(body: Any, becomes: Any) -> None:
    assert heard(body) == becomes


def test_what_cannot_be_written_anew_loses_what_is_deep_and_not_what_was_replaced() -> None:
    """JSON is read deeper than it is written."""
    deep = "[" * 300 + "]" * 300
    session = f'{{"model":"v","id":"s","client_secret":{{"value":"ek_1"}},"tools":{deep}}}'
    text = f'{{"type":"session.updated","session":{session},"odd":{deep}}}'
    event = vendors.read_vendor_event(text)
    assert event is not None
    heard_of_it = orjson.loads(vendors.for_client(event, text, product_id="x1"))
    assert heard_of_it == {
        "type": "session.updated",
        "session": {"model": "x1", "id": "s", "client_secret": None},
    }


FIELDS = ("session", "response", "item", "audio", "delta", "error", "response_id", "event_id")


@given(value=values, name=st.sampled_from(FIELDS))
def test_no_event_is_too_odd_to_be_read(value: bytes, name: str) -> None:
    for kind in ("session.update", "response.create", "conversation.item.create", "response.done", "a.delta"):
        for field in (b"%b", b'{"content":[%b]}', b'{"audio":{"input":%b},"usage":{"input_tokens":1}}'):
            text = f'{{"type":"{kind}","{name}":{(field % value).decode()}}}'
            try:
                read_client_event(text, product_id="x1", output_tokens_max=50).written()
            except (BadEvent, BadRequest):
                pass
            event = vendors.read_vendor_event(text)
            if event is not None:
                vendors.for_client(event, text, product_id="x1")
                Formats().note(event.session)
                assert event.delta is None or type(event.delta) is str
                assert event.usage is None or event.usage.output >= 0
                assert event.blames is None or type(event.blames) is str
                assert type(event.has_failed) is type(event.is_aside) is bool


@given(value=values)
def test_what_is_no_event_means_nothing(value: bytes) -> None:
    event = vendors.read_vendor_event(value.decode())
    assert event is None


@pytest.mark.parametrize(
    ("session", "in_tokens", "out_tokens"),
    [
        ({}, 10, 20),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, 60, 20),
        ({"audio": {"output": {"format": {"type": "audio/pcma"}}}}, 10, 120),
        ({"input_audio_format": "g711_ulaw", "output_audio_format": "pcm16"}, 60, 20),
    ],
)
def test_sound_is_counted_by_its_time(session: Any, in_tokens: int, out_tokens: int) -> None:
    formats = Formats()
    formats.note(session)
    listened, said = Heard(), Said()
    listened.add(0, 48_000)
    said.note("response.output_audio.delta", "A" * 64_000)
    assert listened.tokens(formats) == (0, in_tokens)
    assert said.tokens(formats) == (0, out_tokens)


def test_text_is_counted_by_events_and_by_bytes() -> None:
    said = Said()
    for delta in ("a", "b", "ccc"):
        said.note("response.output_text.delta", delta)
    assert said.tokens(Formats()) == (3, 0)
    said.note("response.output_audio_transcript.delta", "x" * 95)
    assert said.tokens(Formats()) == (25, 0)


@pytest.mark.parametrize(("query", "model"), [(b"model=x1", "x1"), (b"model=a%2Fb", "a/b")])
def test_the_query_names_the_product(query: bytes, model: str) -> None:
    facts = REALTIME.read({}, 0, spoken_of(query))
    assert (facts.model, facts.purpose, facts.takes_whole_context) == (model, "chat", True)


@pytest.mark.parametrize(
    "query", [b"", b"x1", b"model", b"model=x1&model=x1", b"model=x1&intent=t", b"\xff=1"]
)
def test_a_query_that_names_something_else_is_refused(query: bytes) -> None:
    with pytest.raises(BadRequest):
        spoken_of(query)


def test_the_vendors_model_cannot_leave_its_place_in_the_path() -> None:
    assert REALTIME.path("a/b&c=d", True) == "/realtime?model=a%2Fb%26c%3Dd"
