"""Reports that are forged, replayed or changed; lines of other times and companies; keys over time."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.audit.bundle_files import BundleFiles
from billing.audit.exporting import export_bundle
from billing.audit.verifying import verify_bundle
from billing.casework.rows import row_of
from billing.posting_rules import apply_event
from billing.posting_state import Outcome
from billing.posting_store import read_state, write_outcome
from billing.reports.booking import charge_of
from tests.fakes.audited_world import SEED
from tests.fakes.office_world import AFTER_CLOSING, OfficeWorld, opened
from tests.independent.checker import check
from tests.portal.api.a_report import Signer, line, public_text, selling
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND


@pytest.fixture
async def office(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        yield world


async def payable(office: OfficeWorld) -> int:
    return (await office.books()).accounts.get("provider/nuri/payable", 0)


async def code(nuri: Signer, signed: str) -> tuple[int, str]:
    answer = await nuri.send(signed)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["code"]


def header_of(**said: object) -> str:
    whole = {"alg": "EdDSA", "typ": "usage-report+jws"} | said
    return base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")


async def test_forged_replayed_and_changed_reports(office: OfficeWorld) -> None:
    nuri = await selling(office, "item")
    mine = [line("item", "a", 1), line("item", "b", 2)]
    signed = nuri.signed(mine, report="r")
    head, payload, signature = signed.split(".")
    forger = Signer(office, key_id=nuri.key_id)
    nobody = Signer(office, key_id="rk-999999")
    deep = b'{"iss":' + b"[" * 20_000
    for forged, why in (
        (forger.signed(mine), "signature_invalid"),
        (f"{head}.{payload}.{signature[:-6]}AAAAAA", "signature_invalid"),
        (f"{head}.{nuri.signed(mine[:1]).split('.')[1]}.{signature}", "signature_invalid"),
        (nuri.seal(b"{}", typ="JWT"), "signature_invalid"),
        (nuri.seal(b"{}", jwk={"kty": "OKP"}), "signature_invalid"),
        (f"{header_of(kid=7)}.e30.{signature}", "signature_invalid"),
        (f"{header_of(kid=nuri.key_id, alg='none')}.e30.", "signature_invalid"),
        (f"{header_of(kid=nuri.key_id, alg='HS256')}.{payload}.{signature}", "signature_invalid"),
        ("e30.e30.e30", "signature_invalid"),
        ("no-jws", "signature_invalid"),
        (nuri.seal(b"{}"), "report_unreadable"),
        (nuri.seal(b"\xff"), "report_unreadable"),
        (nuri.seal(deep), "report_unreadable"),
        (nuri.signed([]), "report_unreadable"),
        (nuri.signed([7]), "report_unreadable"),
        (nuri.signed([mine[0] | {"quantity": True}]), "report_unreadable"),
        (nuri.signed([mine[0] | {"quantity": 1.5}]), "report_unreadable"),
        (nuri.signed([mine[0] | {"quantity": -1}]), "report_unreadable"),
        (nuri.signed([mine[0] | {"price": 1}]), "report_unreadable"),
        (nuri.signed([mine[0] | {"evidence": "a\nb"}]), "report_unreadable"),
        (nuri.signed(mine, iat=True), "report_unreadable"),
        (nuri.signed(mine, iss="other"), "issuer_other"),
        (nuri.signed(mine, at=office.now - timedelta(minutes=11)), "report_stale"),
        (nuri.signed(mine, at=office.now + timedelta(minutes=2)), "report_stale"),
    ):
        assert await code(nuri, forged) == (422, why)
    assert await code(nuri, nobody.signed(mine)) == (409, "key_unknown")
    assert await payable(office) == 0
    first = (await nuri.send(signed)).json()
    assert [one["code"] for one in first["lines"]] == [None, None]
    assert await payable(office) == 361_500_000
    # The same report again, as it was or signed anew, a day later: answered as before, nothing is charged.
    office.now += timedelta(days=1)
    for again in (signed, nuri.signed(mine, report="r")):
        answer = await nuri.send(again)
        assert (answer.status_code, answer.json()) == (201, first)
    # A line again in another report is the same line; one that says something else is refused, and kept.
    [same, other] = await nuri.report(mine[0], mine[1] | {"quantity": 20})
    assert (same["line"], other["code"]) == (first["lines"][0]["line"], "line_contradicts")
    changed = nuri.signed([mine[0] | {"quantity": 9}], report="r")
    for _ in range(2):
        assert await code(nuri, changed) == (409, "report_contradicts")
    kept = (await office.get("auditor", "usage_reports?outcome=contradicts"))["data"]
    assert [(one["report"], one["lines"]) for one in kept] == [("r", [])]
    assert await payable(office) == 361_500_000


async def test_keys_are_registered_replaced_and_revoked(office: OfficeWorld) -> None:
    old = await selling(office, "item")
    for text, why in (("x" * 43, "key_invalid"), ("AA", "key_invalid"), (public_text(old.key), "key_known")):
        refused = await office.refused("nuri", "report_keys", {"public_key": text})
        assert refused[1] == why
    new = Signer(office)
    await new.register()
    until = (office.now + timedelta(hours=1)).isoformat()
    past = (office.now - timedelta(hours=1)).isoformat()
    path = f"report_keys/{old.key_id}"
    assert await office.refused("nuri", f"{path}/retire", {"until": past}) == (409, "until_past")
    assert (await office.post("nuri", f"{path}/retire", {"until": until}))["state"] == "retired"
    before = old.signed([line("item", "old-1", 1)])
    assert (await old.send(before)).status_code == 201  # until then it is taken
    office.now += timedelta(hours=1)
    assert await code(old, old.signed([line("item", "old-2", 1)])) == (409, "key_retired")
    assert (await old.send(before)).status_code == 201  # what it signed in time still has its answer
    assert (await new.taken(line("item", "new-1", 1)))["state"] == "charged"
    await office.post("operator", f"{path}/revoke", {"reason": "유출"})
    assert await code(old, before) == (409, "key_revoked")
    # Another provider's key signs nothing of nuri's.
    stranger = Signer(office, who="other")
    await stranger.register()
    theirs = Signer(office, key=stranger.key, key_id=stranger.key_id)
    assert await code(theirs, theirs.signed([line("item", "s", 1)])) == (409, "key_unknown")
    assert await stranger.code(line("item", "s", 1)) == "product_not_sold"


async def test_lines_that_are_not_taken(office: OfficeWorld) -> None:
    nuri = await selling(office, "item", "month")
    month = {"from": "2026-03-01", "to": "2026-03-31"}
    for changed, why in (
        ({"day": "2026-02-27"}, "reported_too_late"),
        ({"from": "2026-02-28", "to": "2026-03-20"}, "period_not_one_month"),
        ({"from": "2026-03-20", "to": "2026-03-19"}, "period_not_one_month"),
        ({"day": "2026-03-25"}, "service_ahead"),
        ({"company": "nobody"}, "company_not_there"),
        ({"company": "hanbit"}, "outside_agreement"),
        ({"agreement": "ag-000009"}, "outside_agreement"),
        ({"tier": "gold"}, "quantity_invalid"),
        ({"milestone": 1}, "quantity_invalid"),
        ({"quantity": "1.2345"}, "quantity_invalid"),
        ({"quantity": 10**15}, "quantity_invalid"),
        ({"corrects": "nothing"}, "not_correctable"),
        ({"product": "nuri-x1"}, "product_not_sold"),
    ):
        asked: dict[str, Any] = {"quantity": 1, **changed}
        assert (changed, await nuri.code(line("item", "w", **asked))) == (changed, why)
    assert await nuri.code(line("month", "w", 1, tier="silver", **month)) == "price_missing"
    # Service of the agreement's last day, and of the day after it.
    for day, now, refusal in (
        ("2026-10-31", "2026-11-05T00:00:00+00:00", None),
        ("2026-11-01", "2026-11-05T00:00:00+00:00", "outside_agreement"),
    ):
        office.now = AFTER_CLOSING.fromisoformat(now)
        [told] = await nuri.report(line("item", day, 1, day=day))
        assert told["code"] == refusal
    office.now = AFTER_CLOSING
    await office.post("operator", "reported_products/nuri-item/suspend", {"reason": "점검"})
    assert await nuri.code(line("item", "w", 1)) == "product_not_sold"


async def test_own_money_for_calls_pays_no_report(office: OfficeWorld) -> None:
    """Neither of a company without an agreement, nor what is more than the voucher has."""
    nuri = await selling(office, "item")
    for number, company in enumerate(("hanbit", "gaonde")):
        line_of_bank = {"id": f"KB-{number}", "amount_krw": 9_000_000, "paid_on": "2026-03-24"}
        await office.post("operator", "bank_lines", line_of_bank)
        await office.post("operator", f"bank_lines/KB-{number}/match", {"company": company})
        await office.post(company, "own_funds", {"limit_krw": 9_000_000})
    assert await nuri.code(line("item", "w", 1, company="hanbit")) == "outside_agreement"
    large = await nuri.taken(line("item", "large", 40_000))  # 4,820,000 won of 4,000,000
    assert (large["state"], large["waits_for"]) == ("reported", "voucher_short")
    assert await payable(office) == 0


async def test_what_was_charged_is_put_right_whatever_ended_since(office: OfficeWorld) -> None:
    nuri = await selling(office, "item")
    await nuri.taken(line("item", "a", 2))
    await office.post("nuri", "reported_products/nuri-item/withdraw", {"reason": "판매 종료"})
    fixed = await nuri.taken(line("item", "a-1", 1, corrects="a"))
    await office.post("gaonde", f"report_lines/{fixed['id']}/accept")
    assert await payable(office) == 120_500_000
    await office.post("operator", "agreements/ag-000001/terminate", {"reason": "해약"})
    fixed = await nuri.taken(line("item", "a-0", 0, corrects="a"))
    await office.post("gaonde", f"report_lines/{fixed['id']}/accept")
    assert await payable(office) == 0
    assert await nuri.code(line("item", "b", 1)) == "product_not_sold"


async def test_a_voucher_that_cannot_pay_is_never_overspent(office: OfficeWorld) -> None:
    nuri = await selling(office, "item", accept_from_krw=0)
    large = await nuri.taken(line("item", "large", 40_000))  # 4,820,000 won of 4,000,000
    path = f"report_lines/{large['id']}"
    waiting = await office.post("gaonde", f"{path}/accept")
    assert (waiting["state"], waiting["waits_for"]) == ("accepted", "voucher_short")
    await office.post("operator", "vouchers/gaonde-2026/suspend", {"reason": "점검"})
    small = await nuri.taken(line("item", "small", 1))
    stopped = await office.post("gaonde", f"report_lines/{small['id']}/accept")
    assert (stopped["state"], stopped["waits_for"]) == ("accepted", "no_voucher")
    withdrawn = await office.post("nuri", f"{path}/withdraw", {"reason": "수량 오류"})
    assert (withdrawn["state"], withdrawn["waits_for"]) == ("withdrawn", None)
    assert await office.refused("gaonde", f"{path}/accept") == (409, "wrong_state")
    log = (await office.get("gaonde", f"{path}/log"))["data"]
    assert [one["action"] for one in log] == ["report", "accept", "withdraw"]
    assert await payable(office) == 0


async def test_the_bundle_of_reported_use(office: OfficeWorld, tmp_path: Path) -> None:
    nuri = await selling(office, "item", "byte", "month", accept_from_krw=100_000)
    first = await nuri.taken(line("item", "a", "12.5"))
    await nuri.taken(line("byte", "b", 2_500_000_001))
    fixed = await nuri.taken(line("item", "a-right", 3, corrects="a"))
    await office.post("gaonde", f"report_lines/{fixed['id']}/accept")
    assert (await office.get("nuri", f"report_lines/{first['id']}"))["state"] == "charged"
    url = str(office.pool.conninfo)
    for programme in (None, "ai-2026"):
        folder = tmp_path / f"bundle-{programme}"
        await export_bundle(url, SEED, folder, programme=programme, now=office.now)
        with BundleFiles(folder) as files:
            assert verify_bundle(files).findings == []
        if programme is None:
            report = check(folder)
            assert (report.findings, report.checked["reported"]) == ([], 3 + 3)  # reports, and charges
    # Somebody inside books a micro-won more than was reported; the books balance, and it is found.
    held = await nuri.taken(line("item", "c", 1_000))
    async with office.pool.connection() as conn, conn.transaction():
        row = await row_of(conn, "select * from report_line where id = %s", [held["id"]])
        event = charge_of(
            row | {"amount_micro": row["amount_micro"] + 1},
            op=held["id"],
            voucher_id="gaonde-2026",
            kind="settled",
        )
        books, out = await read_state(conn, [event]), Outcome()
        apply_event(books, out, event)
        await write_outcome(conn, books, out)
    await office.books()
    await export_bundle(url, SEED, tmp_path / "inside", programme=None, now=office.now)
    found = check(tmp_path / "inside").findings
    assert [(one.rule, one.micro) for one in found] == [("price", 1), ("reported", None)]
