"""Money by pages: what is shown is the ledger's, files are the API's, and an upload is as hostile as any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from portal.web import formats
from portal.web.uploads import UPLOAD_BYTES_MAX
from tests.fakes.browser import Browser, Seen
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.api.a_round import APPLICATION, PROGRAMME, ROUND
from tests.portal.web.web_world import browsing_as, some_calls

STATEMENT: Final = "request_id,output_tokens\nreq-1,40\n"
NEW: Final = "/audit/reconciliations/new"


@pytest.fixture
async def world(books_url: str) -> AsyncIterator[OfficeWorld]:
    """gaonde with sixty calls of the September that is over."""
    async with opened(books_url) as world:
        await world.to_an_amendment(PROGRAMME, ROUND, APPLICATION)
        await some_calls(world, 60)
        world.now = world.now.replace(month=10)
        yield world


async def test_a_statement_s_sums_are_the_ledger_s_on_every_page(world: OfficeWorld) -> None:
    payable = (await world.books()).accounts["provider/nuri/payable"]
    # 12.9 won in one line: cut to the won, three parts in four the government's.
    whole = "60 9 3 0 0 12"
    for who, path in (
        ("gaonde", "/company/statements"),
        ("nuri", "/provider/statements"),
        ("operator", "/operator/statements/programme/ai-2026"),
        ("auditor", "/audit/statements/company/gaonde"),
    ):
        async with browsing_as(world, who) as browser:
            listed = (await browser.get(path)).text
            assert "2026년 9월" in listed
            assert f"합계 {whole}" in listed, path
            shown = await browser.get(f"{path}/2026-09")
            assert shown.text.count(formats.amount(payable)) == 2  # as booked, and with nothing carried in
            for form, begins in (("pdf", b"%PDF"), ("xlsx", b"PK"), ("csv", "\ufeff".encode())):
                file = await browser.http.get(f"{path}/2026-09/{form}")
                assert file.content.startswith(begins)
                assert f'.{form}"' in file.headers["content-disposition"]
                assert file.headers["cache-control"] == "no-store"
            assert (await browser.get(f"{path}/2026-09/exe")).status == 404
            assert (await browser.get(f"{path}/2026-13")).status == 422
    async with browsing_as(world, "operator") as browser:
        month = (await browser.get("/operator/months/2026-09")).text
        assert month.count(f"합계 {whole}") == 3  # by company, provider and programme


async def uploaded(browser: Browser, data: bytes, name: str = "nuri.csv", **entries: str) -> Seen:
    await browser.get(NEW)
    assert browser.at is not None
    form = browser.at.page.forms[-1]
    values = {
        "provider": "nuri",
        "month": "2026-09",
        **{k: v[0] for k, v in form.values.items() if v[0]},
        **entries,
    }
    answer = await browser.http.post(NEW, data=values, files={"file": (name, data, "text/csv")})
    return await browser._seen(answer)


async def test_what_is_uploaded_is_read_or_refused_at_its_field(world: OfficeWorld) -> None:
    async with browsing_as(world, "auditor") as browser:
        for data, name, said in (
            (b"", "", "입력해 주세요."),
            (STATEMENT.encode(), "nuri.xlsx", "CSV 또는 JSONL 파일을 선택해 주세요."),
            (b"\xff\xfe\x00", "nuri.csv", "UTF-8로 저장한"),
            (b"request_id\n\x00", "nuri.csv", "텍스트 파일이 아닙니다."),
            (b"id\n1\n", "nuri.csv", "첫 줄에 열 이름이 필요합니다"),
        ):
            seen = await uploaded(browser, data, name)
            assert (seen.status, said in seen.text) == (422, True), (name, seen.text)
        forged = await uploaded(browser, STATEMENT.encode(), form_token="0" * 64)
        assert forged.status == 403
        large = await uploaded(browser, b"x" * (UPLOAD_BYTES_MAX + 1))
        assert large.status == 413
        broken = await browser.http.post(
            NEW, content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert broken.status_code == 400
        taken = await uploaded(browser, STATEMENT.replace("req-1", "요청").encode("cp949"), "누리.CSV")
        assert taken.path.startswith("/audit/reconciliations/re-")
        assert "장부에 없음" in taken.text
        assert "누리.CSV" in taken.text
    async with browsing_as(world, "gaonde") as browser:
        assert (await uploaded_by_another(browser)).status == 403


async def uploaded_by_another(browser: Browser) -> Seen:
    token = (await browser.get("/company")).page.forms[0].values["form_token"]
    files = {"file": ("nuri.csv", STATEMENT.encode(), "text/csv")}
    return await browser._seen(await browser.http.post(NEW, data={"form_token": token[0]}, files=files))


async def test_the_same_file_sent_twice_is_one_run(world: OfficeWorld) -> None:
    """A browser draws another boundary each time; the form is the same one."""
    async with browsing_as(world, "operator") as browser:
        await browser.get("/operator/reconciliations/new")
        assert browser.at is not None
        values = {name: value[0] for name, value in browser.at.page.forms[-1].values.items()}
        values |= {"provider": "nuri", "month": "2026-09"}
        paths = []
        for _ in range(2):
            files = {"file": ("nuri.csv", STATEMENT.encode(), "text/csv")}
            answer = await browser.http.post("/operator/reconciliations/new", data=values, files=files)
            paths.append(answer.headers["location"])
        assert paths[0] == paths[1]


async def test_amounts_that_no_column_could_hold_are_still_summed(world: OfficeWorld) -> None:
    content = "request_id,amount_krw\n" + "".join(f"r-{n},9007199253\n" for n in range(1_100))
    body = {"provider": "nuri", "month": "2026-09", "file_name": "n.csv", "format": "csv", "content": content}
    run = await world.post("nuri", "reconciliations", body)
    async with browsing_as(world, "operator") as browser:
        seen = await browser.get(f"/operator/reconciliations/{run['id']}")
        assert (seen.status, "9,907,919,178,300" in seen.text) == (200, True)


async def test_money_paid_is_shown_as_the_ledger_has_it(world: OfficeWorld) -> None:
    async with browsing_as(world, "gaonde") as company, browsing_as(world, "operator") as operator:
        await company.get("/company/payments/new")
        begun = await company.submit("/company/payments/new", amount_krw="30만", method="transfer")
        reference = begun.html.partition('id="reference">')[2].partition("<")[0]
        assert len(reference) == 8
        await operator.get("/operator/bank-lines/new")
        line = {"id": "bank-1", "amount_krw": "30만", "paid_on": "2026-10-24", "memo": "누가 보냄"}
        await operator.submit("/operator/bank-lines/new", **line)
        assert "어느 기업의 입금인지" in operator.at.text if operator.at else False
        done = await operator.submit(company="gaonde")
        assert (done.status, "결제 완료" in done.text) == (200, True)
        funds = (await company.get("/company/funds")).text
        assert "자체 예치금 300,000원" in funds
        assert (await world.books()).accounts["company/gaonde/own"] == 300_000_000_000
        refund = f"{done.path.partition('?')[0]}/do/payment.refund"
        await operator.get(refund)
        await operator.submit(refund, amount_krw="10만", reason="잘못 보냄")
        assert (await world.books()).accounts["company/gaonde/own"] == 200_000_000_000
        assert "일부 환불" in (await company.get("/company/payments")).text
        own = (await operator.get("/operator/own-money")).text
        assert "200,000 0" in own


async def test_each_level_of_the_trace_is_the_sum_below_and_the_ledger(world: OfficeWorld) -> None:
    levels = ("programmes/ai-2026", "rounds/ai-2026-1", "agreements/ag-000001", "vouchers/gaonde-2026")
    spent = (await world.books()).accounts["provider/nuri/payable"]
    async with browsing_as(world, "auditor") as browser:
        for number, level in enumerate(levels):
            seen = await browser.get(f"/audit/trace/{level}")
            assert (seen.text.count("일치"), "차이" in seen.text) == (8, False), level
            if number + 1 < len(levels):
                assert f"/audit/trace/{levels[number + 1]}" in seen.page.links
        calls = next(link for link in seen.page.links if link.startswith("/audit/calls?"))
        assert f"합계(조건 전체 60건) 720 2,400 {formats.amount(spent)}" in (await browser.get(calls)).text
        async with world.pool.connection() as conn:
            await conn.execute("update funds set charged_micro = charged_micro - 4")
        for level in levels:
            assert "차이" in (await browser.get(f"/audit/trace/{level}")).text


async def test_own_money_for_calls_is_asked_for_and_given_up_by_clicks(world: OfficeWorld) -> None:
    path = "/company/own_funds/gaonde"
    async with browsing_as(world, "gaonde") as browser:
        await browser.get("/company/own_funds/new")
        made = await browser.submit(limit_krw="5만")
        assert (made.status, made.path.partition("?")[0], "50,000원" in made.text) == (200, path, True)
        await browser.get("/company/own_funds/new")
        again = await browser.submit(limit_krw="1")
        assert (again.status, "이미 자체 부담금 사용을 신청했습니다." in again.text) == (409, True)
        await browser.get(f"{path}/do/own_fund.change")
        assert "70,000원" in (await browser.submit(limit_krw="7만")).text
        await browser.get(f"{path}/do/own_fund.opt_out")
        assert "사용 안 함" in (await browser.submit()).text
        await browser.get(f"{path}/do/own_fund.reopen")
        assert (await browser.submit()).status == 200
    assert (await world.get("gaonde", "own_funds/gaonde"))["limit_krw"] == "70000"


async def test_a_kept_card_is_removed_by_its_company(world: OfficeWorld) -> None:
    async with world.pool.connection() as conn:
        await conn.execute("insert into card values ('gaonde', 'cus_1', 'pm_1', 'visa 4242')")
    async with browsing_as(world, "gaonde") as browser:
        assert "/company/card/remove" in (await browser.get("/company/funds")).page.links
        await browser.get("/company/card/remove")
        assert "visa 4242" not in (await browser.submit("/company/card/remove")).text
        assert (await browser.get("/company/card/remove")).status == 404
