"""No id of an item reaches the vendor as one that it could have stored for another company."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.openai_responses.item_ids import approved_elsewhere, with_own_ids

THEIRS = "0850765c843cca5300699cc47d93c0819089a181f5feeff8eb"
SEAL = "gAAAAABq" + "hb-_" * 20


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": f"rs_{THEIRS}", "summary": []},
        {"type": "reasoning", "id": f"rs_{THEIRS}", "encrypted_content": ""},
        {"type": "reasoning", "id": f"rs_{THEIRS}", "encrypted_content": 3},
        {"type": "reasoning", "id": f"rs_{THEIRS}", "encrypted_content": "gAAAAAB"},
        {"type": "reasoning", "id": f"rs_{THEIRS}", "encrypted_content": SEAL + "\n"},
        {"type": "message", "id": f"msg_{THEIRS}", "content": [], "encrypted_content": SEAL},
        {"type": "mcp_call", "id": f"mcp_{THEIRS}", "encrypted_content": SEAL},
        {"type": ["reasoning"], "id": f"rs_{THEIRS}", "encrypted_content": SEAL},
        {"type": "message", "id": f"msg_{THEIRS}", "role": "assistant", "content": []},
        {"id": f"msg_{THEIRS}", "role": "assistant", "content": "hi"},
        {"type": "web_search_call", "id": f"ws_{THEIRS}"},
        {"type": "of a later year", "id": f"x_{THEIRS}"},
    ],
)
def test_what_an_item_is_called_names_nothing(item: dict[str, Any]) -> None:
    before = copy.deepcopy(item)
    [out] = with_own_ids([item], follows=False)
    assert item == before, "the caller's body is not touched"
    assert out | {"id": None} == item | {"id": None}, "and nothing else changes"
    kind = item["id"].partition("_")[0]
    assert re.fullmatch(rf"{kind}_[0-9a-f]{{50}}", out["id"])
    assert THEIRS not in out["id"]
    assert with_own_ids([item], follows=True) == [out], "alike, whenever it is said"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": f"rs_{THEIRS}", "encrypted_content": SEAL},
        {"type": "compaction", "id": f"cmp_{THEIRS}", "encrypted_content": SEAL},
        {"role": "user", "content": "hi"},
        {"type": "function_call_output", "call_id": "call_1", "output": "18"},
        {"type": "message", "id": None},
        {"type": "message", "id": 3},
        "hi",
    ],
)
def test_what_is_sealed_or_has_none_stays(item: Any) -> None:
    assert with_own_ids([item], follows=False) == [item]


def test_items_may_name_each_other() -> None:
    asked = {"type": "mcp_approval_request", "id": f"mcpr_{THEIRS}"}
    given_ = {"type": "mcp_approval_response", "approval_request_id": f"mcpr_{THEIRS}", "approve": True}
    for follows in (True, False):
        first, second = with_own_ids([asked, given_], follows=follows)
        assert first["id"] == second["approval_request_id"] != asked["id"]
    assert with_own_ids([given_], follows=True) == [given_], "of the answer that it goes on from"
    [alone] = with_own_ids([given_], follows=False)
    assert alone["approval_request_id"] != given_["approval_request_id"]


def test_containers_of_items_name_nothing() -> None:
    """Wherever in an item: what was done there is said, and nobody can look it up."""
    name = f"cntr_{THEIRS}"
    cited = {"type": "container_file_citation", "container_id": name, "file_id": "cfile_1"}
    call = {"type": "code_interpreter_call", "container_id": name, "code": "1"}
    message = {
        "role": "assistant",
        "content": [{"type": "output_text", "text": "hi", "annotations": [cited]}],
    }
    shell = {"type": "shell_call", "environment": {"type": "container_reference", "container_id": name}}
    given_ = [call, message, shell, {"type": "x", "container_id": 3}]
    before = copy.deepcopy(given_)
    out = with_own_ids(given_, follows=True)
    assert given_ == before
    assert THEIRS not in str(out)
    own = out[0]["container_id"]
    assert re.fullmatch(r"cntr_[0-9a-f]{50}", own)
    assert out[1]["content"][0]["annotations"][0] == cited | {"container_id": own}
    assert out[2]["environment"]["container_id"] == own
    assert out[3] == given_[3]


def test_what_is_approved_and_not_contained() -> None:
    items: list[Any] = [
        {"type": "mcp_approval_request", "id": "mcpr_1"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_2"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_2"},
        {"type": "mcp_approval_response", "approval_request_id": ["mcpr_3"]},
        "hi",
    ]
    assert approved_elsewhere(items) == ("mcpr_2",)


@given(item_id=st.text(max_size=100))
def test_no_id_stays_and_none_is_short_enough_to_be_guessed(item_id: str) -> None:
    [out] = with_own_ids([{"id": item_id}], follows=False)
    assert out["id"] != item_id
    assert re.search(r"[0-9a-f]{32,64}$", out["id"])
