"""Long jobs over the API and on the pages: asked for, looked at, cancelled, and what they made fetched."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from billing.jobs import running
from billing.jobs.running import Tools
from billing.jobs.works import WORKS
from tests.fakes.audited_world import SEED
from tests.fakes.office_world import OfficeWorld, opened
from tests.portal.web.web_world import browsing_as

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LARGE = {"month": "2026-09", "file_name": "n.csv", "format": "csv", "content": "request_id\nreq-1\n"}


@pytest.fixture
async def office(books_url: str) -> AsyncIterator[OfficeWorld]:
    async with opened(books_url) as world:
        world.now = NOW
        yield world


async def do(office: OfficeWorld, job_id: str) -> None:
    """As a worker would."""
    tools = Tools(
        str(office.pool.conninfo), signing_seed=SEED, unbooked=office.unbooked, now=lambda: office.now
    )
    await running.attempt(tools, WORKS, job_id, 0)


async def test_a_month_is_closed_as_a_job(office: OfficeWorld) -> None:
    asked = await office.call("operator", "POST", "months/2026-09/closings", {"reason": "월 마감"}, key="k")
    again = await office.call("operator", "POST", "months/2026-09/closings", {"reason": "월 마감"}, key="k")
    assert (asked.status_code, asked.headers["location"]) == (202, "/api/jobs/jb-000001")
    assert again.json() == asked.json()  # one job, however often the request comes
    assert (asked.json()["state"], asked.json()["kind"]) == ("queued", "close_month")
    same = await office.refused("second", "months/2026-09/closings", {"reason": "월 마감"})
    assert same == (409, "job_under_way")
    assert (await office.get("operator", "months/2026-09"))["state"] == "open"
    await do(office, "jb-000001")
    job = await office.get("auditor", "jobs/jb-000001")
    assert (job["state"], job["result"], job["attempt"]) == ("done", "/months/2026-09", 1)
    assert (await office.get("operator", "months/2026-09"))["state"] == "closed"
    [step] = (await office.get("operator", "months/2026-09/log"))["data"]
    assert (step["person"], step["reason"]) == ("operator@example.org", "월 마감")  # who asked, not a clock
    log = (await office.get("operator", "jobs/jb-000001/log"))["data"]
    assert [(one["action"], one["role"]) for one in log] == [
        ("ask", "operator"),
        ("begin", "clock"),
        ("finish", "clock"),
    ]
    assert await office.refused("operator", "jobs/jb-000001/cancel") == (409, "wrong_state")


async def test_a_file_is_fetched_whole_while_it_is_kept(office: OfficeWorld) -> None:
    job = await office.post("auditor", "bundles", {})
    assert (await office.call("auditor", "GET", f"jobs/{job['id']}/file")).status_code == 404
    await do(office, job["id"])
    file = (await office.get("auditor", f"jobs/{job['id']}"))["file"]
    answer = await office.call("operator", "GET", f"jobs/{job['id']}/file")
    assert answer.headers["content-disposition"] == f'attachment; filename="{file["name"]}"'
    assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (
        file["bytes"],
        file["sha256"],
    )
    async with office.pool.connection() as conn:
        await conn.execute("update job set expires_at = null")
    assert (await office.call("operator", "GET", f"jobs/{job['id']}/file")).status_code == 404
    assert (await office.get("operator", f"jobs/{job['id']}"))["file"] is None


async def test_a_provider_sees_its_own_imports_and_nothing_else(office: OfficeWorld) -> None:
    own = await office.post("nuri", "statement_imports", {"provider": "nuri", **LARGE})
    await office.post("operator", "statement_imports", {"provider": "other", **LARGE})
    await office.post("operator", "bundles", {"programme": None})
    assert [job["id"] for job in (await office.get("nuri", "jobs"))["data"]] == [own["id"]]
    assert [job["id"] for job in (await office.get("other", "jobs"))["data"]] == ["jb-000002"]
    assert len((await office.get("operator", "jobs"))["data"]) == 3
    [only] = (await office.get("operator", "jobs?kind=bundle"))["data"]
    assert only["id"] == "jb-000003"
    for path in ("jobs/jb-000002", "jobs/jb-000003", "jobs/jb-000002/log"):
        assert (await office.call("nuri", "GET", path)).status_code == 404
    assert await office.refused("nuri", "jobs/jb-000002/cancel") == (404, "not_found")
    assert (await office.post("nuri", f"jobs/{own['id']}/cancel"))["state"] == "cancelled"
    of_another = {"provider": "other", **LARGE}
    assert await office.refused("nuri", "statement_imports", of_another) == (404, "not_found")
    unknown = {"provider": "nobody", **LARGE}
    assert await office.refused("operator", "statement_imports", unknown) == (422, "provider_unknown")
    assert await office.refused("operator", "months/2026-9/closings", {"reason": "."}) == (422, "invalid")


async def test_a_provider_does_not_fill_the_queue(office: OfficeWorld) -> None:
    for month in ("2026-06", "2026-07", "2026-08"):
        job = await office.post("nuri", "statement_imports", {"provider": "nuri", **LARGE, "month": month})
    one_more = {"provider": "nuri", **LARGE}
    assert await office.refused("nuri", "statement_imports", one_more) == (409, "too_many_jobs")
    await office.post("other", "statement_imports", {"provider": "other", **LARGE})
    await office.post("operator", "statement_imports", {"provider": "other", **LARGE, "month": "2026-08"})
    await office.post("nuri", f"jobs/{job['id']}/cancel")
    await office.post("nuri", "statement_imports", one_more)


async def test_an_import_leads_to_its_reconciliation(office: OfficeWorld) -> None:
    job = await office.post("nuri", "statement_imports", {"provider": "nuri", **LARGE})
    await do(office, job["id"])
    done = await office.get("nuri", f"jobs/{job['id']}")
    run = await office.get("nuri", done["result"].removeprefix("/"))
    assert (run["rows"], run["result"]["only_theirs"]["count"]) == (1, 1)
    assert (await office.get("operator", done["result"].removeprefix("/")))["person"] == "bae@nuri.example"
    unreadable = LARGE | {"provider": "nuri", "content": "request_id,output_tokens\nreq-1,many\n"}
    bad = await office.post("nuri", "statement_imports", unreadable)
    await do(office, bad["id"])
    told = await office.get("nuri", f"jobs/{bad['id']}")
    assert (told["state"], told["code"]) == ("failed", "statement_unreadable")
    assert told["message"].startswith("line 2, output_tokens: ")


# -- on the pages


async def test_an_operator_asks_looks_and_cancels(office: OfficeWorld) -> None:
    async with browsing_as(office, "operator") as browser:
        assert "/operator/jobs/new" in (await browser.get("/operator/jobs")).page.links
        await browser.get("/operator/jobs/new")
        refused = await browser.submit(kind="close_month", month="2026-09")
        assert refused.status == 422
        assert "입력해 주세요." in refused.text
        seen = await browser.submit(kind="close_month", month="2026-09", reason="월 마감")
        assert seen.path == "/operator/jobs/jb-000001?done=job.ask"
        assert "월 마감 jb-000001 ○ 대기" in seen.text
        assert "/operator/jobs/jb-000001" in seen.page.links  # reads it anew
        seen = await browser.submit("/operator/jobs/jb-000001")
        assert "■ 취소됨" in seen.text
        assert "/operator/jobs/jb-000001" not in seen.page.links
        listed = await browser.get("/operator/jobs?state=cancelled")
        assert "월 마감 2026-09 ■ 취소됨" in listed.text


async def test_an_auditor_fetches_a_bundle(office: OfficeWorld) -> None:
    async with browsing_as(office, "auditor", language="en") as browser:
        assert "Close of a month" not in (await browser.get("/audit/jobs/new")).text
        assert (await browser.submit(kind="close_month", month="2026-09")).status == 422
        await browser.get("/audit/jobs/new")
        seen = await browser.submit(kind="bundle")
        assert "Audit bundle jb-000001" in seen.text
        async with office.pool.connection() as conn:
            await conn.execute("update job set done = 3, whole = 7")
        seen = await browser.get("/audit/jobs/jb-000001")
        assert ("progress", {"id": "progress", "value": "3", "max": "7"}) in seen.page.tags
        assert "Progress 3 / 7" in seen.text
        await do(office, "jb-000001")
        seen = await browser.get("/audit/jobs/jb-000001")
        assert "● Done" in seen.text
        assert "/audit/jobs/jb-000001/file" in seen.page.links
        fetched = await browser.http.get("/audit/jobs/jb-000001/file")
        assert fetched.content.startswith(b"PK")
        assert fetched.headers["content-type"] == "application/zip"


async def test_a_failure_is_told_in_the_reader_s_language(office: OfficeWorld) -> None:
    await office.post("operator", "bundles", {"programme": "none"})
    await do(office, "jb-000001")
    async with browsing_as(office, "operator") as browser:
        assert "해당 사업이 없습니다." in (await browser.get("/operator/jobs/jb-000001")).text
        assert (
            "The books know no such programme."
            in (await browser.get("/operator/jobs/jb-000001?lang=en")).text
        )


async def test_a_large_statement_is_uploaded_by_an_auditor_and_seen_by_its_provider(
    office: OfficeWorld,
) -> None:
    rows = "".join(f"req-{number}\n" for number in range(20_001))
    async with browsing_as(office, "auditor") as browser:
        new = await browser.get("/audit/reconciliations/new")
        entered = {name: value[0] for name, value in new.page.forms[-1].values.items() if value[0]}
        files = {"file": ("n" * 240 + ".csv", f"request_id\n{rows}".encode(), "text/csv")}
        values = entered | {"provider": "nuri", "month": "2026-09"}
        seen = await browser._seen(await browser.http.post(new.path, data=values, files=files))
        assert (seen.status, seen.path) == (200, "/audit/jobs/jb-000001?done=job.ask")
        await do(office, "jb-000001")
        seen = await browser.get("/audit/jobs/jb-000001")
        assert "/audit/reconciliations/re-000001" in seen.page.links
        assert "20,001" in (await browser.get("/audit/reconciliations/re-000001")).text
    async with browsing_as(office, "nuri") as browser:
        listed = await browser.get("/provider/jobs")
        assert "공급기업 이용내역 대사 nuri/2026-09 ● 완료" in listed.text
        assert "auditor@" not in listed.text
        seen = await browser.get("/provider/jobs/jb-000001")
        assert "/provider/reconciliations/re-000001" in seen.page.links
        assert "auditor@" not in seen.text
        await office.post("nuri", "statement_imports", {"provider": "nuri", **LARGE})
        await browser.get("/provider/jobs/jb-000002")
        assert "■ 취소됨" in (await browser.submit("/provider/jobs/jb-000002")).text
    async with browsing_as(office, "other") as browser:
        assert "jb-00000" not in (await browser.get("/provider/jobs")).text
        assert (await browser.get("/provider/jobs/jb-000001")).status == 404
