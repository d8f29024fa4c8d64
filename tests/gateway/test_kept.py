"""What a vendor keeps for our account is named by nobody: refused before it is asked, and nothing held."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.fakes.gateway_world import world
from tests.fakes.gemini_vendor import ARRAY, EVENTS, LAST, MODELS, Vendor, ask, reason_of
from tests.fakes.gemini_vendor import ASK as CONTENT
from tests.gateway.test_anthropic import ASK, PATH, SDK, answers, anthropic_world, message

FILE: Final = "https://generativelanguage.googleapis.com/v1beta/files/8b2bhnsluaai"


@pytest.mark.parametrize("path", [PATH, f"{PATH}/count_tokens"])
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}, "container"),
        ({"messages": [{"role": "user", "content": [
            {"type": "document", "source": {"type": "file", "file_id": "file_011CXPoRmVQC8wQiCnmgu2M7"}}
        ]}]}, "messages"),
    ],
)  # fmt: skip
async def test_what_anthropic_keeps_is_nobodys(
    tmp_path: Path, path: str, more: dict[str, Any], param: str
) -> None:
    """Its vendor would know it: it knows one account."""
    async with anthropic_world(answers(message()), tmp_path) as w:
        heard = await w.client.call("POST", path, {**ASK, **more}, headers=SDK)
        said = heard.json["error"]
        assert (heard.status, said["code"], said["type"]) == (400, "invalid_request", "invalid_request_error")
        assert said["message"].startswith(f"`{param}` names a")
        assert (w.seen, w.events) == ([], [])


@pytest.mark.parametrize("path", [f"{MODELS}:generateContent", ARRAY, EVENTS, f"{MODELS}:countTokens"])
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"contents": [{"parts": [{"file_data": {"file_uri": FILE}}]}]}, "contents"),
        ({"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/1"]}}]}, "tools"),
    ],
)
async def test_what_google_keeps_is_nobodys(
    path: str, more: dict[str, Any], param: str, tmp_path: Path
) -> None:
    """Google would know it: it knows one account."""
    async with world(Vendor(LAST), tmp_path, dialect="gemini") as w:
        heard = await ask(w, path, {**CONTENT, **more})
        assert (heard.status, reason_of(heard.json)) == (400, "invalid_request")
        assert heard.json["error"]["message"].startswith(f"`{param}` names a")
        assert (w.seen, w.events) == ([], [])
