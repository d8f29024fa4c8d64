"""A month over the API: statements that agree with the ledger, corrections two people agree on, the close."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from tests.fakes.audited_world import SEED
from tests.fakes.books_world import WON
from tests.fakes.office_world import opened
from tests.independent.checker import check
from tests.portal.api.a_month import CALL_MICRO, NOW, RIGHT_MICRO, WRONG_FROM, WRONG_PRICE, Month, september

MINE = "companies/gaonde/statements/2026-09"


@pytest.fixture
async def month(books_url: str) -> AsyncIterator[Month]:
    async with opened(books_url) as office:
        yield await september(office)


async def test_a_statement_in_every_form_is_the_ledger_s(month: Month) -> None:
    office = month.office
    shown = await office.get("gaonde", MINE)
    assert (shown["state"], shown["calls"], shown["booked"]["supply_krw"]) == ("provisional", 3, "0.64506")
    assert await month.payable() == 3 * CALL_MICRO
    assert shown["tax_invoices"] == []  # not a won yet; it is carried on
    assert shown["rest"]["supply_krw"] == "0.64506"
    for who, path in (
        ("nuri", "providers/nuri"),
        ("operator", "programmes/ai-2026"),
        ("auditor", "companies/gaonde"),
    ):
        same = await office.get(who, f"{path}/statements/2026-09")
        assert same["lines"] == shown["lines"]
    answer = await office.call("gaonde", "GET", f"{MINE}?format=csv&lang=en")
    assert answer.headers["content-disposition"] == 'attachment; filename="2026-09-company-gaonde.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Exact amount"] for row in rows] == ["0.645060", "0.645060", "0.645060"]
    for form, begins in (("xlsx", b"PK"), ("pdf", b"%PDF")):
        answer = await office.call("gaonde", "GET", f"{MINE}?format={form}")
        assert answer.content.startswith(begins)
        assert int(answer.headers["content-length"]) == len(answer.content)
    for path in ("2026-13", "1999-12"):
        bad = await office.call("gaonde", "GET", f"companies/gaonde/statements/{path}")
        assert (bad.status_code, bad.json()["code"]) == (422, "invalid")


async def test_a_wrong_price_is_corrected_by_two_people(month: Month, tmp_path: Path) -> None:
    office = month.office
    proposed = await office.post("operator", "corrections", WRONG_PRICE)
    assert (proposed["state"], proposed["calls"]) == ("proposed", 3)
    assert (proposed["before_krw"], proposed["after_krw"]) == ("0.64506", "0.0645")
    path = f"corrections/{proposed['id']}"
    assert await month.payable() == 3 * CALL_MICRO  # nothing is booked yet
    undecided = await office.refused("operator", "months/2026-09/close", {"reason": "마감"})
    assert undecided == (409, "corrections_undecided")
    assert await office.refused("operator", f"{path}/approve") == (409, "own_proposal")
    await office.post("second", f"{path}/approve")
    assert await month.payable() == 3 * RIGHT_MICRO
    assert await office.refused("third", f"{path}/approve") == (409, "wrong_state")
    shown = await office.get("gaonde", MINE)
    assert {line["kind"]: line["exact"]["supply_krw"] for line in shown["lines"]} == {
        "usage": "0.64506",
        "correction": "-0.58056",
    }
    # The provider told its gateway again: two people knew better.
    await month.call("op-a", "req-a")
    assert await month.payable() == 3 * RIGHT_MICRO
    # Closed, the month stays as it is: what is corrected then is a line of the next one.
    await month.close("2026-09")
    back = await office.post("operator", "corrections", WRONG_PRICE | {"price_from": WRONG_FROM})
    await office.post("second", f"corrections/{back['id']}/approve")
    assert await office.get("gaonde", MINE) == shown | {
        "state": "final",
        "lines_sha256": (await office.get("auditor", "months/2026-09"))["lines_sha256"],
    }
    october = await office.get("gaonde", "companies/gaonde/statements/2026-10")
    assert [(one["kind"], one["service_month"], one["exact"]["supply_krw"]) for one in october["lines"]] == [
        ("correction", "2026-09", "0.58056"),
        ("rest", "2026-10", "0.0645"),
    ]
    assert await month.payable() == 3 * CALL_MICRO
    await published(month, tmp_path)
    log = (await office.get("auditor", f"{path}/log"))["data"]
    assert [(row["action"], row["person"]) for row in log] == [
        ("propose", "operator@example.org"),
        ("approve", "second@example.org"),
    ]


async def published(month: Month, folder: Path) -> None:
    """What was corrected satisfies the rules of the audit bundle, by our verifier and by the other one."""
    url = str(month.office.pool.conninfo)
    await export_bundle(url, SEED, folder / "bundle", programme=None, now=NOW)
    with BundleFiles(folder / "bundle") as files:
        assert verify_bundle(files).findings == []
    assert check(folder / "bundle").findings == []


async def test_a_correction_of_what_changed_meanwhile_is_refused(month: Month) -> None:
    office = month.office
    one, other = [(await office.post("operator", "corrections", WRONG_PRICE))["id"] for _ in range(2)]
    await office.post("second", f"corrections/{one}/approve")
    assert await office.refused("second", f"corrections/{other}/approve") == (409, "call_changed")
    await office.post("operator", f"corrections/{other}/withdraw", {"reason": "중복"})
    for changed, code in (
        ({"price_from": "2025-01-01T00:00:00+09:00"}, (422, "price_unknown")),
        ({"until": "2026-09-01T00:00:00+09:00"}, (409, "nothing_to_correct")),
        ({"from": "2026-09-01T00:00:00"}, (422, "invalid_request")),
    ):
        assert await office.refused("operator", "corrections", WRONG_PRICE | changed) == code


async def test_a_provider_s_statement_is_matched_and_its_counts_proposed(
    month: Month, tmp_path: Path
) -> None:
    office = month.office
    rows = [
        {"request_id": "req-a", "input_tokens": 12, "output_tokens": 40, "amount_krw": "0.21502"},
        {"request_id": "req-b", "input_tokens": 12, "output_tokens": 42},
        {"request_id": "req-z", "input_tokens": 1, "output_tokens": 1, "amount_krw": "7"},
    ]
    body = {
        "provider": "nuri",
        "month": "2026-09",
        "file_name": "nuri-2026-09.jsonl",
        "format": "jsonl",
        "content": "\n".join(json.dumps(row) for row in rows),
    }
    run = await office.post("nuri", "reconciliations", body)
    counts = {match: of["count"] for match, of in run["result"].items()}
    assert counts == {"matched": 1, "differs": 1, "only_theirs": 1, "only_ours": 1}
    lines = (await office.get("nuri", f"reconciliations/{run['id']}/lines"))["data"]
    assert [(one["match"], one["call"], one["reasons"]) for one in lines] == [
        ("differs", "op-b", ["output_tokens"]),
        ("only_theirs", None, ["not_in_the_books"]),
        ("only_ours", "op-c", ["no_request_id"]),
    ]
    assert (await office.call("other", "GET", f"reconciliations/{run['id']}")).status_code == 404
    assert await office.refused("other", "reconciliations", body) == (404, "not_found")
    proposed = await office.post("operator", f"reconciliations/{run['id']}/propose", {"reason": "대사 결과"})
    twice = await office.refused("auditor", f"reconciliations/{run['id']}/propose", {"reason": "대사 결과"})
    assert twice == (409, "proposed_already")
    await office.post("second", f"corrections/{proposed['id']}/approve")
    assert await month.payable() == 3 * CALL_MICRO + 2 * 5000 + 1  # half a micro-won up, once per call
    assert proposed["proposer"] == "operator@example.org"
    assert (await office.get("nuri", f"corrections/{proposed['id']}"))["proposer"] is None
    [call] = (await office.get("nuri", f"corrections/{proposed['id']}/calls"))["data"]
    assert (call["id"], call["kind"], call["tokens"]["output"]) == ("op-b", "true_up", 42)
    await published(month, tmp_path)
    again = await office.post("nuri", "reconciliations", body)
    assert again["result"]["differs"]["count"] == 0
    rows_of_csv = "".join(f"r-{number},{'x' * 900}\n" for number in range(400))
    large = body | {"format": "csv", "content": f"request_id,note\n{rows_of_csv}"}
    assert (await office.post("nuri", "reconciliations", large))["rows"] == 400
    bad = await office.call("nuri", "POST", "reconciliations", body | {"content": '{"request_id": 7}'})
    assert (bad.status_code, bad.json()["code"]) == (422, "statement_unreadable")
    assert bad.json()["detail"].startswith("line 1, request_id: ")


async def test_a_month_waits_for_its_holds(month: Month) -> None:
    office, books = month.office, month.books.world
    office.purse = books.purse
    async with office.pool.connection() as conn:
        await conn.execute("insert into gateway (id) values ('g1')")
    op = await books.reserve(month.books.n, WON)
    assert await office.refused("operator", "months/2026-09/close", {"reason": "마감"}) == (409, "holds_open")
    await books.settle(op, month.books.n, WON)
    # It is over, and its end is in a stream, not in the books.
    assert await office.refused("operator", "months/2026-09/close", {"reason": "마감"}) == (409, "holds_open")
    office.purse = None
    closed = await month.close("2026-09")
    assert (closed["state"], closed["charge_krw"]) == ("closed", "0.64506")
    # A month before the first that was closed is over with it, and used to be a fault of ours.
    before = await office.get("gaonde", "companies/gaonde/statements/2026-05")
    assert (before["state"], before["lines"]) == ("final", [])
    months = (await office.get("auditor", "months"))["data"]
    assert [(one["id"], one["state"]) for one in months] == [
        ("2026-11", "open"),
        ("2026-10", "open"),
        ("2026-09", "closed"),
    ]
    assert await office.refused("operator", "months/2026-11/close", {"reason": "마감"}) == (
        409,
        "month_not_over",
    )
