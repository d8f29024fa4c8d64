"""Files: a company's own, with the vendor of one product, named by nobody else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from gateway.auth import Caller
from gateway.batch_lines import LinesReader, read_lines
from gateway.files import FILES_MAX, KEPT_BYTES_MAX, UPLOADS_AT_ONCE_MAX
from gateway.ports import StoredObject, StoredThing
from gateway.problems import Problem
from metering.directory import Company
from providers.openai_files.lines import LINES_MAX, RESULT_BYTES_MAX
from tests.fakes.asgi_client import AsgiClient
from tests.fakes.batch_vendor import BatchVendor
from tests.fakes.gateway_world import NOW_MS, Everything, World, api_key, product, voucher, world
from tests.gateway.file_talk import asked, begun, chat_line, jsonl, upload
from tests.gateway.test_stored import OTHER_KEY, assert_unknown, key_of, two_companies, until

PDF = b"%PDF-1.4 \r\n\x00 no text"
ROUTES = [
    ("GET", "/v1/files/{file}", None),
    ("GET", "/v1/files/{output}", None),
    ("GET", "/v1/files/{file}/content", None),
    ("GET", "/v1/files/{output}/content", None),
    ("GET", "/v1/files?after={file}", None),
    ("DELETE", "/v1/files/{file}", None),
    ("DELETE", "/v1/files/{output}", None),
    ("POST", "/v1/batches", asked("{file}")),
    ("GET", "/v1/batches/{batch}", None),
    ("POST", "/v1/batches/{batch}/cancel", None),
    ("GET", "/v1/batches?after={batch}", None),
    (
        "POST",
        "/v1/chat/completions",
        {
            "model": "x1",
            "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "{data}"}}]}],
        },
    ),
    (
        "POST",
        "/v1/responses",
        {
            "model": "x1",
            "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "{data}"}]}],
        },
    ),
    (
        "POST",
        "/v1/responses",
        {
            "model": "x1",
            "input": "hi",
            "tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["{data}"]}}],
        },
    ),
]


async def made(w: World, vendor: BatchVendor) -> dict[str, str]:
    """One of everything -> ids"""
    batch, _ = await begun(w)
    vendor.finish()
    shown = (await w.client.call("GET", f"/v1/batches/{batch['id']}")).json
    await until(lambda: not w.things.unfinished)
    data = await upload(w.client, PDF, purpose="user_data")
    ids = {"batch": batch["id"], "file": batch["input_file_id"], "output": shown["output_file_id"]}
    return {**ids, "data": data.json["id"]}


def filled(value: Any, ids: dict[str, str]) -> Any:
    text = orjson.dumps(value).decode()
    for name, one in ids.items():
        text = text.replace("{" + name + "}", one)
    return orjson.loads(text)


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=lambda value: str(value)[:40])
async def test_another_companys_does_not_exist(
    tmp_path: Path, method: str, path: str, body: dict[str, Any] | None
) -> None:
    vendor = BatchVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        ids = await made(w, vendor)
        vendor.asked.clear()
        said = None if body is None else filled(body, ids)
        heard = await other.call(method, path.format(**ids), said)
        assert_unknown(heard)
        assert (vendor.asked, vendor.chats) == ([], []), "the vendor would have answered"
        never = {name: f"{one}9" for name, one in ids.items()}
        assert_unknown(await w.client.call(method, path.format(**never), body and filled(body, never)))
        heard = await w.client.call(method, path.format(**ids), said)
        assert heard.status == (400 if path.endswith("cancel") else 200), heard.body


async def test_lists_show_ones_own_only(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        ids = await made(w, vendor)
        theirs = (await upload(other)).json["id"]
        vendor.asked.clear()
        for client, files, batches in (
            (w.client, [ids["data"], ids["output"], ids["file"]], [ids["batch"]]),
            (other, [theirs], []),
        ):
            page = (await client.call("GET", "/v1/files")).json
            assert [one["id"] for one in page["data"]] == files
            assert (page["object"], page["has_more"], page["first_id"]) == ("list", False, files[0])
            page = (await client.call("GET", "/v1/batches")).json
            assert [one["id"] for one in page["data"]] == batches
        assert vendor.asked == [], "lists are our own"


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ("?limit=2", ["file-5", "file-4"], True),
        ("?limit=2&after=file-4", ["file-3", "file-2"], True),
        ("?limit=2&after=file-2", ["file-1"], False),
        ("?order=asc&limit=2", ["file-1", "file-2"], True),
        ("?order=asc&after=file-4", ["file-5"], False),
        ("?purpose=user_data", ["file-4", "file-2"], False),
        ("?purpose=vision", [], False),
        ("?after=file-9", 404, None),
        ("?after=%00", 404, None),
        ("?limit=0", 400, None),
        ("?limit=-1", 400, None),
        ("?limit=x", 400, None),
        ("?order=up", 400, None),
        ("?purpose=", ["file-5", "file-4", "file-3", "file-2", "file-1"], False),
        ("?purpose=%00", 400, None),
        ("?" + "&".join("a=b" for _ in range(30)), 400, None),
    ],
)
async def test_pages(tmp_path: Path, query: str, ids: Any, has_more: bool | None) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        for number in range(5):
            await upload(w.client, purpose="user_data" if number % 2 else "batch")
        heard = await w.client.call("GET", "/v1/files" + query)
        if has_more is None:
            assert heard.status == ids
            return
        assert [one["id"] for one in heard.json["data"]] == ids
        assert heard.json["has_more"] is has_more


async def test_a_file_passes_through_and_costs_nothing(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        fields: dict[str, Any] = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
        uploaded = await upload(w.client, PDF, purpose="user_data", model="x1", **fields)
        assert uploaded.json["purpose"] == "user_data"
        form = vendor.uploads[0]
        assert sorted(form) == ["expires_after[anchor]", "expires_after[seconds]", "file", "purpose"]
        assert (form["file"][0].data, form["file"][0].filename) == (PDF, "lines.jsonl")
        path = f"/v1/files/{uploaded.json['id']}"
        assert (await w.client.call("GET", path)).json == uploaded.json
        content = await w.client.call("GET", path + "/content")
        assert (content.body, content.headers["content-type"]) == (PDF, "application/octet-stream")
        assert content.headers["x-content-type-options"] == "nosniff"
        gone = await w.client.call("DELETE", path)
        assert gone.json == {"id": uploaded.json["id"], "object": "file", "deleted": True}
        for method, behind in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            assert_unknown(await w.client.call(method, path + behind))
        assert (await w.client.call("GET", "/v1/files")).json["data"] == []
        assert w.events == []


@pytest.mark.parametrize(
    ("fields", "content", "words"),
    [
        ({"purpose": "fine-tune"}, PDF, "`purpose` must be one of assistants, batch, user_data, vision."),
        ({"purpose": "user_data", "model": "x9"}, PDF, None),
        ({"purpose": "batch"}, b"", "`file` must have at least one line."),
        ({"purpose": "batch"}, b"\n \n", "`file` must have at least one line."),
    ],
)
async def test_uploads_refused(
    tmp_path: Path, fields: dict[str, Any], content: bytes, words: str | None
) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        heard = await upload(w.client, content, **fields)
        assert heard.status == (404 if words is None else 400)
        assert words is None or heard.json["error"]["message"] == words
        assert vendor.asked == []


async def test_what_a_line_is_refused_for_is_said_in_the_callers_language(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        heard = await upload(w.client, jsonl(chat_line("a"), chat_line("a")))
        assert heard.json["error"]["message"] == "Line 2: `custom_id` was used by a line before."
        heard = await upload(
            w.client, jsonl(chat_line("a"), chat_line("a")), headers={"accept-language": "ko"}
        )
        assert heard.json["error"]["message"] == "2번째 줄: `custom_id`가 앞줄과 같습니다."
        assert (heard.code, heard.json["error"]["param"]) == ("invalid_request", "file")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["a"], "invalid_request", "it must be a JSON object."),
        ({**chat_line(), "custom_id": 1}, "invalid_request", "`custom_id` must"),
        ({**chat_line(), "custom_id": ""}, "invalid_request", "`custom_id` must"),
        ({**chat_line(), "method": "GET"}, "invalid_request", '`method` must be "POST".'),
        ({**chat_line(), "method": ["POST"]}, "invalid_request", '`method` must be "POST".'),
        ({**chat_line(), "url": "/v1/images/generations"}, "invalid_request", "`url` must be one of"),
        ({**chat_line(), "url": ["/v1/chat/completions"]}, "invalid_request", "`url` must be one of"),
        ({**chat_line(), "url": "/v1/embeddings"}, "invalid_request", "`url` must be that of all lines"),
        ({**chat_line(), "body": []}, "invalid_request", "`body` must be an object."),
        (chat_line(model="x2"), "invalid_request", "`model` must be that of all lines: x1."),
        (chat_line(model=None), "invalid_request", "`model` must name a product."),
        (chat_line(messages=[]), "invalid_request", "`messages` must be a list"),
        (chat_line(stream=True), "invalid_request", "`stream` is for single calls"),
        (chat_line(service_tier="priority"), "invalid_request", "`service_tier` is for single calls"),
        (chat_line(n=True), "invalid_request", "`n` must be an integer"),
        (chat_line(messages=[{"content": "x" * 200_000}]), "request", None),
    ],
)
async def test_lines_refused(tmp_path: Path, line: Any, code: str, words: str | None) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path, context_tokens=1000) as w:
        first = chat_line("first")
        heard = await upload(w.client, jsonl(first, line))
        assert heard.status == 400, heard.body
        if words is None:
            assert heard.code == "context_too_long"
        else:
            assert heard.code == code
            assert heard.json["error"]["message"].startswith(f"Line 2: {words}")
        assert vendor.asked == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"purposes": frozenset({"embedding"})}, 400, "purpose_mismatch"),
        ({"active": False}, 404, "model_not_found"),
        ({"data_location": "US"}, 403, "data_location_refused"),
        ({"prices": ()}, 404, "model_not_found"),
    ],
)
async def test_lines_refused_as_live_calls_are(
    tmp_path: Path, changes: dict[str, Any], status: int, code: str
) -> None:
    company = Company("gaonde", frozenset({"KR"}))
    async with world(BatchVendor(), tmp_path, company=company, **changes) as w:
        heard = await upload(w.client)
        assert (heard.status, heard.code) == (status, code)


async def test_uploading_needs_a_voucher_and_the_product(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        w.directory.apply(
            Everything(revision=2, api_keys=(key_of("gaonde", OTHER_KEY, products=frozenset({"x2"})),))
        )
        limited = AsgiClient(w.gateway, OTHER_KEY)
        assert (await upload(limited)).code == "product_not_allowed"
        assert (await upload(limited, PDF, purpose="user_data")).json["error"]["param"] == "model"
        mine = (await upload(w.client)).json["id"]
        assert (await limited.call("GET", f"/v1/files/{mine}")).code == "product_not_allowed"
        assert (await limited.call("GET", "/v1/files")).json["data"] == []
        w.directory.apply(Everything(revision=3, vouchers=(voucher(state="ended"),)))
        assert (await upload(w.client)).code == "voucher_not_active"
        assert (await w.client.call("GET", f"/v1/files/{mine}")).status == 200


async def test_a_file_is_used_where_it_is_kept(tmp_path: Path) -> None:
    """By any product of that vendor's account; another one would not know it."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        [first] = w.directory.products["x1"].upstreams
        same = replace(first, target_id="x2/0", model="second")
        strange = replace(first, target_id="x3/0", api_key="another account")
        both = (replace(strange, target_id="x4/0"), replace(first, target_id="x4/1", model="fourth"))
        w.directory.apply(
            Everything(
                revision=2,
                products=(
                    product("", product_id="x2", upstreams=(same,)),
                    product("", product_id="x3", upstreams=(strange,)),
                    product("", product_id="x4", upstreams=both),
                ),
            )
        )
        unnamed = await upload(w.client, PDF, purpose="user_data")
        assert (unnamed.status, unnamed.json["error"]["param"]) == (400, "model")
        file_id = (await upload(w.client, PDF, purpose="user_data", model="x1")).json["id"]
        parts = [{"type": "file", "file": {"file_id": file_id}}]
        for name, status in (("x1", 200), ("x2", 200), ("x3", 400), ("x4", 200)):
            body = {"model": name, "messages": [{"role": "user", "content": parts}]}
            heard = await w.client.call("POST", "/v1/chat/completions", body)
            assert heard.status == status, (name, heard.body)
        assert [chat["model"] for chat in vendor.chats] == ["vendor-model", "second", "fourth"]
        heard = await upload(w.client, jsonl(chat_line(model="x3", messages=[{"content": parts}])))
        assert heard.status == 400
        heard = await upload(w.client, jsonl(chat_line(messages=[{"content": parts}])))
        assert heard.status == 200


async def test_what_cannot_be_bound_is_deleted_again(tmp_path: Path) -> None:
    vendor = BatchVendor()

    async with world(vendor, tmp_path) as w:
        w.objects.is_read_only = True
        heard = await upload(w.client)
        assert (heard.status, heard.code) == (503, "meter_unavailable")
        assert b"file-1" not in heard.body
        assert vendor.files == {}


async def test_an_id_of_another_companys_is_not_told(tmp_path: Path) -> None:
    vendor = BatchVendor(names=iter(["1", "1"]))
    async with two_companies(vendor, tmp_path) as (w, other):
        assert (await upload(w.client)).status == 200
        heard = await upload(other)
        assert (heard.status, heard.code) == (502, "upstream_error")
        assert_unknown(await other.call("GET", "/v1/files/file-1"))
        assert (await w.client.call("GET", "/v1/files/file-1")).status == 200


@pytest.mark.parametrize(("files", "size_bytes"), [(FILES_MAX, 1), (1, KEPT_BYTES_MAX)])
async def test_limits_of_a_company(tmp_path: Path, files: int, size_bytes: int) -> None:
    vendor = BatchVendor()
    async with two_companies(vendor, tmp_path) as (w, other):
        for number in range(files):
            thing = StoredThing("file", f"file-x{number}", "gaonde", "x1", "x1/0", "u", f"opx{number}")
            await w.objects.add(StoredObject(thing, b"{}", "user_data", size_bytes), gateway_id="g1")
        heard = await upload(w.client)
        assert (heard.status, vendor.asked) == (400, [])
        assert "delete some" in heard.json["error"]["message"]
        assert (await upload(other)).status == 200


async def test_lines_of_a_file(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        [known] = w.directory.products.values()
        caller = Caller(api_key(), Company("gaonde", None), b"")
        reader = LinesReader(caller, w.directory, now_ms=NOW_MS, choose=lambda p: p.upstreams[0])
        line = (
            '{"custom_id":"%d","method":"POST","url":"/v1/embeddings","body":{"model":"x1","input":"hi"}}\n'
        )
        whole = "".join(line % number for number in range(LINES_MAX + 1)).encode()
        with pytest.raises(Problem) as raised:
            await read_lines(whole, reader)
        assert raised.value.english == f"Line {LINES_MAX + 1}: a file has {LINES_MAX} lines at most."
        assert reader.bounds().lines == LINES_MAX
        assert reader.product == known


@pytest.mark.parametrize("blank", [b"\n", b" \r\n"])
async def test_empty_lines_without_end_are_no_file(tmp_path: Path, blank: bytes) -> None:
    """Read one by one they would take the time of everybody's calls."""
    async with world(BatchVendor(), tmp_path) as w:
        caller = Caller(api_key(), Company("gaonde", None), b"")
        reader = LinesReader(caller, w.directory, now_ms=NOW_MS, choose=lambda p: p.upstreams[0])
        began_s = time.process_time()
        with pytest.raises(Problem) as raised:
            await read_lines(blank * 4_000_000, reader)
        assert time.process_time() - began_s < 0.5
        assert (raised.value.code, raised.value.param) == ("invalid_request", "file")
        few = blank * 200 + jsonl(chat_line("a")) + blank + jsonl(chat_line("b"))
        assert (await read_lines(few, reader)).count(b"\n") == 2


async def test_uploads_at_once(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        heard = await asyncio.gather(*[upload(w.client) for _ in range(UPLOADS_AT_ONCE_MAX + 1)])
        assert [one.status for one in heard] == [200] * UPLOADS_AT_ONCE_MAX + [429]
        assert heard[-1].code == "too_many_concurrent"
        assert (await upload(w.client)).status == 200


async def test_content_that_breaks_off_is_not_ended(tmp_path: Path) -> None:
    vendor = BatchVendor(cuts_content_after=5)
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        heard = await w.client.call("GET", f"/v1/files/{file_id}/content")
        assert not heard.complete


async def test_a_result_too_long_to_be_shown_is_no_end_of_a_file(tmp_path: Path) -> None:
    """A part of a file must not be taken for the whole."""
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        batch, _ = await begun(w)
        long = b'{"custom_id":"a","x":"' + b"x" * RESULT_BYTES_MAX + b'"}'
        vendor.finish(output=b'{"custom_id":"b"}\n' + long)
        shown = (await w.client.call("GET", f"/v1/batches/{batch['id']}")).json
        heard = await w.client.call("GET", f"/v1/files/{shown['output_file_id']}/content")
        assert not heard.complete


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (404, "id_not_found", 404),
        (400, "upstream_rejected", 400),
        (429, "upstream_rate_limited", 429),
        (401, "upstream_error", 502),
        (500, "upstream_error", 502),
    ],
)
async def test_what_the_vendor_says_no_to(tmp_path: Path, status: int, code: str, ours: int) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        file_id = (await upload(w.client)).json["id"]
        for path in (f"/files/{file_id}", f"/files/{file_id}/content"):
            vendor.statuses["GET", path] = status
        for path in (f"/v1/files/{file_id}/content", f"/v1/files/{file_id}"):
            heard = await w.client.call("GET", path)
            assert (heard.status, heard.code) == (ours, code)
        left = (await w.client.call("GET", "/v1/files")).json["data"]
        assert len(left) == (0 if status == 404 else 1), "what the vendor has forgotten is not listed"


async def test_input_and_output_show_the_products_name(tmp_path: Path) -> None:
    vendor = BatchVendor()
    async with world(vendor, tmp_path) as w:
        ids = await made(w, vendor)
        for name, place in (("file", ["body"]), ("output", ["response", "body"])):
            content = await w.client.call("GET", f"/v1/files/{ids[name]}/content")
            lines = [orjson.loads(line) for line in content.body.splitlines()]
            assert [line["custom_id"] for line in lines] == ["a", "b", "c"]
            for line in lines:
                for step in place:
                    line = line[step]
                assert line["model"] == "x1"
        assert len(w.events) == 1


@pytest.mark.parametrize("expires_at", [1 << 52, -1, True, "soon", 0, None, 1, 4_000_000_000])
async def test_files_that_expire(tmp_path: Path, expires_at: Any) -> None:
    """In the vendor's own words, whatever they are; what is past is not listed."""
    inner = BatchVendor()

    async def vendor(request: web.Request) -> web.StreamResponse:
        answer = await inner(request)
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        return web.json_response({**orjson.loads(answer.body), "expires_at": expires_at})

    async with world(vendor, tmp_path) as w:
        w.objects.now_s = 2.0
        assert (await upload(w.client)).json["expires_at"] == expires_at
        [one] = w.objects.objects.values()
        assert one.expires_s == (
            expires_at if expires_at in (1, 4_000_000_000) and expires_at is not True else None
        )
        assert len((await w.client.call("GET", "/v1/files")).json["data"]) == (one.expires_s != 1)


async def test_other_routes(tmp_path: Path) -> None:
    async with world(BatchVendor(), tmp_path) as w:
        for method, path, status in (
            ("PUT", "/v1/files", 405),
            ("DELETE", "/v1/batches/b1", 405),
            ("POST", "/v1/files/f1", 405),
            ("GET", "/v1/files/", 404),
            ("GET", "/v1/files/..", 404),
            ("GET", "/v1/files/f1/contents", 404),
            ("GET", "/v1/files/f1/content/x", 404),
            ("GET", "/v1/batches/" + "b" * 300, 404),
        ):
            heard = await w.client.call(method, path)
            assert (heard.status, heard.code) == (status, "route_not_found"), path
        for header in ("anthropic-version", "x-goog-api-client"):
            heard = await w.client.call("GET", "/v1/files", headers={header: "1"})
            assert heard.status == 404, "which are other vendors'"
