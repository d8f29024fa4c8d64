"""Which calls are translated: by whom a dialect is spoken, and to whom."""

from __future__ import annotations

import pytest

from providers.anthropic import dialect as anthropic
from providers.clova import dialect as clova
from providers.dialect import Dialect, Operation
from providers.dialects import DIALECTS
from providers.gemini import dialect as gemini
from providers.openai import dialect as openai
from providers.openai_responses import operation as responses
from providers.translation.sides import operation_for
from providers.vendor_head import KEPT


@pytest.mark.parametrize(
    ("dialect", "operation", "vendor_dialect", "is_said"),
    [
        ("openai", openai.CHAT, "openai", True),
        ("openai", openai.EMBEDDINGS, "openai", True),
        ("openai", openai.CHAT, "clova", True),
        ("openai", openai.EMBEDDINGS, "clova", True),
        ("openai", openai.EMBEDDINGS, "gemini", True),
        ("openai", openai.EMBEDDINGS, "anthropic", False),  # it has none
        ("openai", openai.EMBEDDINGS, "bedrock", False),
        ("unknown", openai.EMBEDDINGS, "cohere", False),
        ("gemini", gemini.EMBED, "openai", True),
        ("gemini", gemini.EMBED, "gemini", True),
        ("gemini", gemini.BATCH_EMBED, "ollama", True),
        ("gemini", openai.EMBEDDINGS, "cohere", False),
        ("clova", clova.EMBEDDINGS, "openai", True),
        ("clova", clova.EMBEDDINGS, "anthropic", False),
        ("clova", clova.CHAT, "clova", True),
        ("clova", clova.CHAT, "openai", True),
        ("clova", clova.CHAT_V1, "openai", True),
        ("clova", clova.CHAT_V1, "clova", True),
        ("clova", clova.EMBEDDINGS, "bedrock", False),
        ("openai", clova.CHAT_V1, "gemini", False),
        ("openai", openai.CHAT, "bedrock", True),
        ("anthropic", anthropic.MESSAGES, "bedrock", True),
        ("clova", clova.CHAT, "bedrock", True),
        ("openai", openai.COMPLETIONS, "bedrock", False),
        ("gemini", gemini.GENERATE, "clova", True),
        ("gemini", gemini.COUNT, "openai", False),
        ("gemini", gemini.COUNT, "anthropic", True),
        ("anthropic", anthropic.COUNT_TOKENS, "gemini", True),
        ("anthropic", anthropic.COUNT_TOKENS, "bedrock", False),
        ("anthropic", gemini.COUNT, "gemini", False),
        ("clova", clova.CHAT, "gemini", True),
        ("clova", clova.CHAT_V1, "unknown", False),
        ("openai", openai.CHAT, "unknown", False),
        ("unknown", openai.CHAT, "openai", False),
        ("openai", responses.RESPONSES, "openai", True),
        ("openai", responses.RESPONSES, "anthropic", True),
        ("openai", responses.RESPONSES, "unknown", False),
        ("gemini", responses.RESPONSES, "openai", False),
    ],
)
def test_who_is_understood_by_whom(
    dialect: str, operation: Operation, vendor_dialect: str, is_said: bool
) -> None:
    spoken = operation_for(dialect, operation, vendor_dialect)
    assert (spoken is not None) is is_said
    if spoken is not None:
        assert spoken.name == operation.name


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_the_id_that_a_vendor_gives_a_call_is_kept_of_its_head(dialect: Dialect) -> None:
    assert {name.encode() for name in dialect.upstream_id_headers} <= KEPT


def test_a_translated_call_goes_where_the_vendor_wants_it() -> None:
    spoken = operation_for("openai", openai.CHAT, "clova")
    assert spoken is not None
    assert spoken.path("HCX-005", True) == "/v3/chat-completions/HCX-005"
    assert spoken is operation_for("openai", openai.CHAT, "clova"), "made once"


@pytest.mark.parametrize("operation", [clova.CHAT, clova.CHAT_V1], ids=["v3", "v1"])
def test_callers_of_either_version_go_where_the_vendor_wants_them(operation: Operation) -> None:
    assert operation_for("clova", operation, "clova") is operation, "untouched"
    spoken = operation_for("clova", operation, "openai")
    assert spoken is not None
    assert (spoken.name, spoken.path("m", True)) == (operation.name, "/chat/completions")
    assert spoken is operation_for("clova", operation, "openai"), "made once"


def test_a_vendor_that_has_chats_alone_is_asked_for_one() -> None:
    own = operation_for("openai", responses.RESPONSES, "openai", vendor="openai")
    assert own is responses.RESPONSES
    assert operation_for("openai", openai.CHAT, "openai", vendor="chat-only") is openai.CHAT
    for vendor in ("chat-only", "mistral"):
        spoken = operation_for("openai", responses.RESPONSES, "openai", vendor=vendor)
        assert spoken is not None
        assert (spoken.name, spoken.path("m", True)) == ("responses", "/chat/completions")
        assert spoken.stored is None, "nothing is kept there"
