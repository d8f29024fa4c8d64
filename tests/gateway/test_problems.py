"""The table of refusals: complete in both languages, with the contract's statuses and word on retrying."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import orjson
import pytest

import gateway
from gateway.problems import KINDS, Problem, charged_failure, prefers_korean
from providers.openai.dialect import OPENAI

# Contract, section 4: code -> (status, may be tried again as it is)
CONTRACT = {
    "invalid_request": (400, False),
    "context_too_long": (400, False),
    "purpose_mismatch": (400, False),
    "upstream_rejected": (400, False),
    "invalid_api_key": (401, False),
    "voucher_exhausted": (402, False),
    "self_deposit_exhausted": (402, False),
    "product_not_allowed": (403, False),
    "voucher_not_active": (403, False),
    "data_location_refused": (403, False),
    "model_not_found": (404, False),
    "route_not_found": (404, False),
    "idempotency_in_progress": (409, True),
    "answer_not_kept": (409, False),
    "idempotency_mismatch": (422, False),
    "request_too_large": (413, False),
    "rate_limited": (429, True),
    "too_many_concurrent": (429, True),
    "funds_held": (429, True),
    "upstream_rate_limited": (429, True),
    "key_budget_exhausted": (429, False),
    "upstream_error": (502, True),
    "upstream_timeout": (504, True),
    "meter_unavailable": (503, True),
}
OURS = {
    "usage_not_found": (404, False),
    "id_not_found": (404, False),
    "internal_error": (500, False),
}


def test_the_table_is_the_contracts() -> None:
    assert {code: (kind.status, kind.retry) for code, kind in KINDS.items()} == {**CONTRACT, **OURS}


@pytest.mark.parametrize("code", sorted(KINDS))
def test_each_kind_speaks_both_languages_and_says_whether_to_try_again(code: str) -> None:
    kind, problem = KINDS[code], Problem(code)
    assert kind.english.endswith((".", "}.")), "a sentence"
    assert not re.search("[가-힣]", kind.english)
    assert re.search("[가-힣]", kind.korean)
    assert problem.message("ko-KR") == kind.korean
    assert problem.message(None) == kind.english
    headers = dict(problem.wire_headers())
    assert headers[b"x-should-retry"] == (b"true" if kind.retry else b"false")
    assert (b"retry-after" in headers) is (kind.status == 429)
    assert dict(Problem(code, charged=True).wire_headers())[b"x-should-retry"] == b"false"
    assert orjson.loads(OPENAI.refusal(problem.refusal(None))) == {
        "error": {"message": kind.english, "type": kind.openai_type, "param": None, "code": code}
    }


@pytest.mark.parametrize(("given", "sent"), [(None, b"1"), (0, b"1"), (17, b"17")])
def test_retry_after_is_never_zero(given: int | None, sent: bytes) -> None:
    assert dict(Problem("rate_limited", retry_after_s=given).wire_headers())[b"retry-after"] == sent


def test_a_refusal_may_say_more_than_the_table() -> None:
    problem = Problem("invalid_request", english="Send n.", korean="n을 보내 주세요.", param="n", status=405)
    assert (problem.message("ko"), problem.message("en"), problem.status) == (
        "n을 보내 주세요.",
        "Send n.",
        405,
    )
    assert Problem("invalid_request", english="Only this.").message("ko") == "Only this."


def test_who_says_more_says_it_in_both_languages() -> None:
    package = Path(gateway.__file__).parent
    said = [
        (f"{path.name}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem"
    ]
    in_english = [(where, names) for where, names in said if "english" in names]
    assert len(in_english) > 5
    assert [where for where, names in in_english if "korean" not in names] == []


@pytest.mark.parametrize("code", ["upstream_error", "upstream_timeout", "meter_unavailable"])
def test_a_failure_that_was_charged_says_so_and_is_not_tried_again(code: str) -> None:
    problem = charged_failure(code, "op-1")
    assert (problem.code, problem.status) == (code, KINDS[code].status)
    assert dict(problem.wire_headers())[b"x-should-retry"] == b"false"
    for language, word in (("en", "charged"), ("ko", "차감")):
        message = problem.message(language)
        assert word in message
        assert "/v1/usage/op-1" in message
        assert message != KINDS[code].english


@pytest.mark.parametrize(
    ("header", "korean"),
    [
        (None, False),
        ("", False),
        ("ko", True),
        ("KO-kr", True),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", True),
        ("en-US,en;q=0.9,ko;q=0.8", False),
        ("en;q=0.5, ko;q=0.9", True),
        ("ko;q=0.5,en;q=0.5", True),
        ("ko;q=0", False),
        ("ko;q=0,en;q=0", False),
        ("fr,ko;q=0.1", True),
        ("fr,de", False),
        ("*", False),
        ("ko;q=nan", False),
        ("ko;q=x", False),
        ("ko;q=-3,en", False),
        ("ko;q=99,en", True),
        ("ko;level=1", True),
        ("kok", False),
        (",;,;q=;", False),
        ("x" * 200 + ",ko", False),  # no more than 200 characters are read
    ],
)
def test_who_reads_korean(header: str | None, korean: bool) -> None:
    assert prefers_korean(header) is korean
