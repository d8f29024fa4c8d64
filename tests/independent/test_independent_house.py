"""A real house, its vendor's log and its clients' log: the export of its books holds against both."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos.answers import now_ms
from tests.chaos.history import Ended, Invoked, Recorder, Verdict
from tests.fakes.house import Declaration, House
from tests.independent.checker import check
from tests.independent.findings import RULES
from tests.journeys.books import wait_for
from tests.journeys.caller import Answer, Caller, calling, micro
from tests.journeys.declarations import (
    PRICE_FROM,
    api_key,
    chat_product,
    company,
    declaration,
    embed_product,
    key_text,
    upstream,
    voucher,
)

CLASSES: Final = {"gaonde": "sme", "daon": "startup"}
CALLS_EACH: Final = 24
SEEDED: Final = {
    "batch": "usage",
    "usage": "charge_micro",
    "entry": "id",
    "posting": "amount_micro",
    "change": "id",
    "balance": "balance_micro",
    "funds": "charged_micro",
}
WORDS: Final = ("", "[[cached=3]]", "[[reasoning=7]]", "[[fault:http_500]]", "[[fault:no_usage]]")


@pytest.mark.slow
async def test_the_export_of_a_house_holds_against_the_logs(tmp_path: Path) -> None:
    vendor_log, client_log = tmp_path / "vendor.jsonl", tmp_path / "clients.jsonl"
    bundle = tmp_path / "books.zip"
    recorder = Recorder(client_log)
    with House(workers=2) as house:
        vendor = house.vendor("--token-ms", "0", "--log", str(vendor_log))
        house.up(_declared(vendor.base_url))
        for company_id in CLASSES:
            async with calling(house.url, key_text(company_id)) as caller:
                calls = [_call(caller, recorder, company_id, number) for number in range(CALLS_EACH)]
                await _wait_posted(caller, await asyncio.gather(*calls))
        recorder.close()
        # The directory moves on: vouchers get more, a price will be superseded.
        house.apply(_declared(vendor.base_url, government=8_000_000, own="2600000.000001"))
        _run("launch", "export", str(bundle), "--data-dir", str(house.data_dir))
        of_programme = ["--programme", "api-voucher", "--data-dir", str(house.data_dir)]
        _run("launch", "export", str(tmp_path / "programme"), *of_programme)
    options = ["--vendor-log", str(vendor_log), "--client-log", str(client_log)]
    print(_run("tests.independent.checker", str(bundle), *options))
    report = check(bundle, vendor_log=vendor_log, client_log=client_log)
    assert report.findings == []
    assert report.checked["told"] == sum(line.get("verdict") == "ok" for line in _lines(client_log))
    assert report.checked["vendor"] > CALLS_EACH
    assert [rule for rule in RULES if not report.checked[rule]] == ["reported"]  # nobody reports use here
    _has_calls_on_either_sheet(bundle)

    # The programme's own bundle shows all of its calls, so it holds as well.
    part = check(tmp_path / "programme", vendor_log=vendor_log, client_log=client_log)
    assert (part.findings, part.checked["share"]) == ([], report.checked["share"])

    # One micro-won, or one of whatever it is, in the middle of each table.
    for table in SEEDED:
        found = check(_with_a_seed(bundle, tmp_path / table, table)).findings
        assert {finding.rule for finding in found} > {"files"}, table

    # One micro-won more in what one client was told, one token more in what the vendor counted.
    found = check(bundle, vendor_log=vendor_log, client_log=_off_by_one(client_log)).findings
    assert [(finding.rule, finding.micro) for finding in found] == [("told", -1)]
    found = check(bundle, vendor_log=_off_by_one(vendor_log), client_log=client_log).findings
    assert [(finding.rule, finding.field) for finding in found] == [("vendor", "output_tokens by the vendor")]


def _with_a_seed(bundle: Path, folder: Path, table: str) -> Path:
    """The bundle with one more in a column of the row in the middle."""
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(folder)
    path = folder / f"{table}.tsv"
    names, *rows = path.read_text("utf-8").splitlines()
    place = names.split("\t").index(SEEDED[table])
    middle = rows[len(rows) // 2].split("\t")
    middle[place] = str(int(middle[place]) + 1)
    rows[len(rows) // 2] = "\t".join(middle)
    path.write_text("\n".join([names, *rows, ""]), "utf-8")
    return folder


def _has_calls_on_either_sheet(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as files:
        usage = files.read("usage.tsv").decode()
    assert f"nuri-x1@{PRICE_FROM}\t" in usage
    assert f"nuri-x1@{PRICE_FROM}#over-8\t" in usage


def _declared(base_url: str, **money: Any) -> Declaration:
    chat = chat_product("nuri-x1", upstream(base_url))
    # In dollars at a rate of 1,000, so the numbers are those of the other journeys; long inputs cost more.
    tier = {"input_tokens_over": 8, "input": "2.5005"}
    chat["prices"] = [
        {
            **_in_dollars(chat["prices"][0]),
            "currency": "USD",
            "krw_per_usd": "1000",
            "rate_on": "2026-01-02",
            "tiers": [tier, {"batch": True, "output": 1}],
            "other_models": {"adviser-1": {"input": 5, "output": 25}},
        }
    ]
    if money:
        later = {"from": "2099-01-01T00:00:00+09:00", "input": "1250.5", "output": 6000}
        chat["prices"] = [*chat["prices"], later]
    return declaration(
        products=[chat, embed_product("nuri-embed", upstream(base_url))],
        companies=[company(company_id) | {"class": class_name} for company_id, class_name in CLASSES.items()],
        vouchers=[voucher(company_id, **money) for company_id in CLASSES],
        api_keys=[api_key(company_id) for company_id in CLASSES],
    )


def _in_dollars(price: dict[str, Any]) -> dict[str, Any]:
    won = {name: amount for name, amount in price.items() if name != "from"}
    return {**price, **{name: f"{amount / 1000:.6f}" for name, amount in won.items()}}


async def _call(caller: Caller, recorder: Recorder, company_id: str, number: int) -> Answer:
    """One call of its own, noted as the chaos run notes it."""
    request_id, headers = f"{company_id}-{number}", {"X-Request-Id": f"{company_id}-{number}"}
    product = "nuri-embed" if number % 7 == 0 else "nuri-x1"
    recorder.note(Invoked(request_id, request_id, company_id, "chat", product, 0, now_ms()))
    if product == "nuri-embed":
        body = {"model": product, "input": f"a text of number {number}"}
        answer = await caller.post("/v1/embeddings", body, headers=headers)
    else:
        words = f"{number} [[tokens={5 + number}]] {WORDS[number % len(WORDS)]}"
        answer = await caller.chat(words, stream=number % 2 == 0, headers=headers)
    verdict, told_micro = _seen(answer)
    usage_id = answer.headers.get("X-Voucher-Usage-Id")
    recorder.note(Ended(request_id, verdict, now_ms(), answer.status, None, usage_id, told_micro))
    return answer


def _seen(answer: Answer) -> tuple[Verdict, int | None]:
    if answer.status >= 400:
        return "fail", None
    if answer.status != 200 or answer.is_cut:
        return "unknown", None
    if answer.headers["Content-Type"].startswith("text/event-stream"):
        return ("ok", micro(answer.comment["charge_krw"])) if answer.is_done else ("unknown", None)
    return "ok", micro(answer.headers["X-Voucher-Charge-KRW"])


async def _wait_posted(caller: Caller, answers: Sequence[Answer]) -> None:
    served = {answer.usage_id for answer in answers if answer.status == 200}

    async def posted() -> bool:
        return served <= {record["id"] for record in await caller.usage() if record["posted"]}

    await wait_for(posted, timeout_s=15, said="usage posted")


def _run(module: str, *words: str) -> str:
    """As a person runs it; what it prints."""
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _off_by_one(path: Path) -> Path:
    """The log with one more in the first line where it is told, or counted and told to the gateway."""
    lines = _lines(path)
    told = [line for line in lines if line.get("charge_micro")]
    # Calls without a usage of the vendor's are estimates: numbers 4, 9, … of each company.
    counted = [
        line for line in lines if line.get("usage") and int(line["request_id"].rpartition("-")[2]) % 7 == 1
    ]
    if told:
        told[0]["charge_micro"] += 1
    else:
        counted[0]["usage"]["completion_tokens"] += 1
    other = path.with_suffix(".off")
    other.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return other
