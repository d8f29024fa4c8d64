"""A vendor with files and batches: a small real server that keeps both, and ends batches when it is told."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from providers.forms import Form, read_form
from tests.fakes.gateway_world import answer

NOT_FOUND = {"error": {"message": "No such object", "type": "invalid_request_error", "code": None}}


@dataclass(slots=True)
class BatchVendor:
    """Callable as a vendor of `gateway_world`. `finish` ends the batches that run."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # (method, path and query), creations too
    uploads: list[Form] = field(default_factory=list)
    chats: list[Any] = field(default_factory=list)
    statuses: dict[tuple[str, str], int] = field(default_factory=dict)  # to be answered: (method, path)
    cuts_content_after: int | None = None
    lists_lag: int = 0  # so many more lists do not have what was made
    page_max: int = 100
    lists_oldest_first: bool = False
    odd_path: str = ""  # for who stands before it and answers otherwise
    odd_body: bytes = b""
    names: Any = field(default_factory=lambda: (str(n) for n in itertools.count(1)))

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/v1")
        if path.startswith(("/chat", "/responses")):
            self.chats.append(await request.json())
            return web.json_response(answer())
        self.asked.append((request.method, request.path_qs.removeprefix("/v1")))
        if (status := self.statuses.get((request.method, path))) is not None:
            return web.json_response(NOT_FOUND, status=status)
        _, kind, *rest = path.split("/")
        if kind == "files":
            return await self._file(request, rest)
        return await self._batch(request, rest)

    # -- files

    async def _file(self, request: web.Request, rest: list[str]) -> web.StreamResponse:
        if not rest:
            return await self._upload(request)
        made = self.files.get(rest[0])
        if made is None:
            return web.json_response(NOT_FOUND, status=404)
        if request.method == "DELETE":
            del self.files[rest[0]]
            return web.json_response({"id": rest[0], "object": "file", "deleted": True})
        if rest[1:] == ["content"]:
            return await self._content(request, self.contents[rest[0]])
        return web.json_response(made)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = read_form(request.headers["content-type"], await request.read())
        [file], [purpose] = form["file"], form["purpose"]
        self.uploads.append(form)
        return web.json_response(self.keep(file.data, purpose.text(), file.filename or ""))

    async def _content(self, request: web.Request, content: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/octet-stream"})
        await response.prepare(request)
        await response.write(content[: self.cuts_content_after])
        if self.cuts_content_after is not None and request.transport is not None:
            request.transport.close()
            return response
        await response.write_eof()
        return response

    def keep(self, content: bytes, purpose: str, filename: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": f"file-{next(self.names)}",
            "object": "file",
            "bytes": len(content),
            "created_at": 1_790_000_000,
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
        }
        self.files[made["id"]], self.contents[made["id"]] = made, content
        return made

    # -- batches

    async def _batch(self, request: web.Request, rest: list[str]) -> web.StreamResponse:
        if not rest and request.method == "POST":
            return web.json_response(self.begin(await request.json()))
        if not rest:
            return web.json_response(self._list(request))
        made = self.batches.get(rest[0])
        if made is None:
            return web.json_response(NOT_FOUND, status=404)
        if rest[1:] == ["cancel"]:
            if made["status"] != "in_progress":
                return web.json_response({"error": {"message": "Cannot cancel"}}, status=409)
            self.finish("cancelled", only=rest[0])
        return web.json_response(made)

    def _list(self, request: web.Request) -> dict[str, Any]:
        if self.lists_lag > 0:
            self.lists_lag -= 1
            return {"object": "list", "data": [], "has_more": False}
        every = list(self.batches.values())
        if not self.lists_oldest_first:
            every.reverse()
        if (after := request.query.get("after")) is not None:
            every = every[[one["id"] for one in every].index(after) + 1 :]
        page = every[: min(int(request.query["limit"]), self.page_max)]
        return {"object": "list", "data": page, "has_more": len(page) < len(every)}

    def begin(self, asked: dict[str, Any]) -> dict[str, Any]:
        made = {
            "id": f"batch_{next(self.names)}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "status": "in_progress",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": 1_790_000_000,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
            "model": "vendor-model",
        }
        self.batches[made["id"]] = made
        return made

    def lines(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.contents[batch["input_file_id"]].splitlines()]

    def finish(
        self,
        status: str = "completed",
        *,
        answered: int | None = None,
        only: str | None = None,
        output: bytes | None = None,
        **more: Any,
    ) -> None:
        """All that run. `answered`: so many lines; the others are in the error file."""
        for batch in self.batches.values():
            if batch["status"] != "in_progress" or only not in (None, batch["id"]):
                continue
            lines = self.lines(batch)
            done = 0 if status == "cancelled" and answered is None else answered
            good, bad = lines[:done], lines[len(lines[:done]) :]
            batch["request_counts"] = {"total": len(lines), "completed": len(good), "failed": len(bad)}
            if good or output is not None:
                raw = output if output is not None else b"".join(result(line) for line in good)
                batch["output_file_id"] = self.keep(raw, "batch_output", "output.jsonl")["id"]
            if bad and status == "completed":
                raw = b"".join(result(line, status=400) for line in bad)
                batch["error_file_id"] = self.keep(raw, "batch_output", "errors.jsonl")["id"]
            batch |= {"status": status, **more}

    def polls(self, batch_id: str) -> int:
        return self.asked.count(("GET", f"/batches/{batch_id}"))


def result(line: dict[str, Any], *, status: int = 200, **more: Any) -> bytes:
    body = {"error": {"message": "no"}} if status != 200 else answer(**more)
    said = {
        "id": "batch_req_1",
        "custom_id": line["custom_id"],
        "response": {"status_code": status, "request_id": "r1", "body": body},
        "error": None,
    }
    return orjson.dumps(said) + b"\n"
