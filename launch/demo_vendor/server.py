"""The simulated vendor's routes. What is said is decided in `speech`, what breaks in `faults`."""

from __future__ import annotations

import asyncio
import json
import random
from fractions import Fraction
from typing import Any, Final

from aiohttp import web

from launch.demo_vendor import frames, media
from launch.demo_vendor.call_log import Call, CallLog
from launch.demo_vendor.counting import Billed, count_embeddings, count_prompt, embeddings_texts
from launch.demo_vendor.faults import TOKENS_MAX, Orders, read_orders
from launch.demo_vendor.replay import Recording, Recordings
from launch.demo_vendor.speaker import HANG_S, Speaker, VendorSettings, cut
from launch.demo_vendor.speech import Choice, compose

SIMULATION: Final = "voucher-gateway demo vendor"
MODELS: Final = (
    "demo-nuri-x1",
    "demo-nuri-mini",
    "demo-nuri-embed",
    "demo-hanbit-l",
    "demo-globe-pro",
    "demo-nuri-paint",
    "demo-nuri-voice",
    "demo-nuri-ear",
)
BODY_BYTES_MAX: Final = 64 * 1024 * 1024
LIMITS: Final = ("max_tokens", "max_completion_tokens")
_JSON: Final = "application/json"


class DemoVendor:
    def __init__(self, settings: VendorSettings) -> None:
        self._settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - names of answers, no secrets
        self._recordings = None if settings.replay is None else Recordings(settings.replay)
        self._struck = 0
        self.log = CallLog(settings.log)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/demo/log", self._show_log)
        if self._recordings is not None:
            app.router.add_post("/{path:.*}", self._any_dialect)
        else:
            media.add_routes(app)
        app.on_response_prepare.append(_say_simulation)
        app.on_cleanup.append(self._close)
        return app

    # -- routes

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        messages = body.get("messages")
        well_formed = isinstance(messages, list) and all(isinstance(item, dict) for item in messages)
        if not well_formed or not messages:
            return _refuse(400, "`messages` must be a list of messages.", "invalid_messages")
        for name in (*LIMITS, "n"):
            value = body.get(name)
            if value is not None and (type(value) is not int or not 1 <= value <= TOKENS_MAX):
                return _refuse(400, f"`{name}` must be a positive integer.", f"invalid_{name}")
        return await self._answer(request, body)

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        if embeddings_texts(body.get("input")) is None:
            return _refuse(400, "`input` must be a text or a list of texts.", "invalid_input")
        return await self._answer(request, body)

    async def _any_dialect(self, request: web.Request) -> web.StreamResponse:
        """A recording needs no dialect: its bytes are served."""
        assert self._recordings is not None, "a route of replays only"
        is_form = request.content_type == "multipart/form-data"
        body = await request.post() if is_form else await _body_of(request)
        found = self._recordings.find(str(body.get("model", ""))) or self._recordings.named_in(request.path)
        if found is None:
            return _refuse(404, "no such recording.", "unknown_recording")
        return await _replay(request, Call("replay", None, request.path, "", False), found)

    async def _models(self, request: web.Request) -> web.Response:
        names = MODELS if self._recordings is None else tuple(self._recordings.ids())
        data = [
            {"id": name, "object": "model", "created": frames.CREATED_S, "owned_by": "simulation"}
            for name in names
        ]
        return _json({"object": "list", "data": data})

    async def _show_log(self, request: web.Request) -> web.Response:
        query = request.query
        limit = int(query["limit"]) if "limit" in query else None
        calls = self.log.calls(request_id=query.get("request_id"), limit=limit)
        return _json({"totals": self.log.totals, "calls": calls})

    async def _close(self, app: web.Application) -> None:
        self.log.close()

    # -- one call

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        call = Call(
            call_id=f"demo-{self._random.getrandbits(64):016x}",
            request_id=request.headers.get("x-request-id"),
            path=request.path,
            model=str(body.get("model", "")),
            stream=body.get("stream") is True,
        )
        try:
            if self._recordings is not None and (found := self._recordings.find(call.model)) is not None:
                return await _replay(request, call, found)
            return await self._simulate(request, body, call)
        except (ConnectionResetError, asyncio.CancelledError):
            if call.ended == "open":
                call.ended = "client_gone"
            raise
        finally:
            self.log.ended(call)

    async def _simulate(self, request: web.Request, body: dict[str, Any], call: Call) -> web.StreamResponse:
        orders = read_orders(body, self._server_wide())
        latency_ms = self._settings.latency_ms if orders.latency_ms is None else orders.latency_ms
        slow_s = orders.faults.get("slow_first_byte") or 0.0
        await asyncio.sleep(latency_ms / 1000 + slow_s)
        if (broken := await self._broken_head(request, orders, call)) is not None:
            return broken
        if request.path.endswith("/embeddings"):
            return self._embed(body, call, orders)
        choices = self._compose(body, orders, call)
        prompt = Billed(count_prompt(body), cached_tokens=min(orders.cached, count_prompt(body)))
        if call.stream:
            told = (body.get("stream_options") or {}).get("include_usage") is True
            speaker = Speaker(self._settings, orders, call, prompt, told=told)
            return await speaker.stream(request, self._head(call), choices)
        call.status = 200
        answer = self._whole(choices, orders, call, prompt)
        if "cut_after" in orders.faults:  # the work was done and is billed, the answer is lost
            call.ended = "fault"
            cut(request)
        return answer

    def _whole(self, choices: list[Choice], orders: Orders, call: Call, prompt: Billed) -> web.Response:
        billed = _billed(prompt, choices, self._settings.count_factor)
        call.bill(billed)
        call.ended = "complete"
        told = None if "no_usage" in orders.faults else billed
        return _json(frames.completion(self._head(call), choices, told), call=call)

    def _embed(self, body: dict[str, Any], call: Call, orders: Orders) -> web.Response:
        texts = embeddings_texts(body.get("input"))
        assert texts is not None, "checked by the route"
        dimensions = body.get("dimensions")
        if dimensions is None:
            dimensions = frames.DIMENSIONS
        if type(dimensions) is not int or not 1 <= dimensions <= frames.DIMENSIONS_MAX:
            return _refuse(400, "`dimensions` is out of range.", "invalid_dimensions", call=call)
        billed = Billed(count_embeddings(texts)).times(self._settings.count_factor)
        as_base64 = body.get("encoding_format") == "base64"
        out = frames.embeddings(call.model, texts, billed, dimensions=dimensions, as_base64=as_base64)
        if "no_usage" in orders.faults:
            del out["usage"]
        call.bill(billed)
        call.status, call.ended = 200, "complete"
        return _json(out, call=call)

    def _compose(self, body: dict[str, Any], orders: Orders, call: Call) -> list[Choice]:
        limits = [
            body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None
        ]
        limit = min((int(given) for given in limits), default=None)
        if limit is not None:
            limit = int(limit / self._settings.count_factor)  # the limit is in this vendor's own tokens
        count = body.get("n") or 1
        return [
            compose(body, orders, limit=limit, tool_id=f"call_{call.call_id[5:]}_{index}")
            for index in range(count)
        ]

    def _head(self, call: Call) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{call.call_id}",
            "created": frames.CREATED_S,
            "model": call.model,
            "system_fingerprint": frames.FINGERPRINT,
        }

    def _server_wide(self) -> dict[str, float | None]:
        if not self._settings.faults:
            return {}
        if self._settings.faults_first is not None and self._struck >= self._settings.faults_first:
            return {}
        self._struck += 1
        return dict(self._settings.faults)

    async def _broken_head(self, request: web.Request, orders: Orders, call: Call) -> web.Response | None:
        """A fault that shows before the answer begins; None where it begins well."""
        if "hang" in orders.faults:
            call.ended = "fault"
            await asyncio.sleep(HANG_S)
        if (status := orders.status) is not None:
            call.ended = "fault"
            return _refuse(status, "a fault was ordered.", f"ordered_{status}", call=call)
        if "garbage" in orders.faults:
            call.status, call.ended = 200, "fault"
            return web.Response(body=b"<html>simulation: no JSON</html>", content_type="text/html")
        if "error_in_200" in orders.faults:
            call.status, call.ended = 200, "fault"
            return _json(frames.error(500, "a fault was ordered.", "ordered"), call=call)
        return None


def _billed(prompt: Billed, choices: list[Choice], factor: Fraction) -> Billed:
    return Billed(
        prompt_tokens=prompt.prompt_tokens,
        completion_tokens=sum(choice.tokens for choice in choices),
        cached_tokens=prompt.cached_tokens,
        reasoning_tokens=sum(choice.reasoning_tokens for choice in choices),
    ).times(factor)


async def _replay(request: web.Request, call: Call, recording: Recording) -> web.StreamResponse:
    call.status = recording.status
    response = web.StreamResponse(status=recording.status, headers=recording.headers)
    await response.prepare(request)
    for chunk in recording.chunks:
        await response.write(chunk)
        await asyncio.sleep(0)  # separate writes, as they were separate reads
    await response.write_eof()
    call.ended = "complete"
    return response


async def _body_of(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(
            text=json.dumps(frames.error(400, "the body must be a JSON object.", "invalid_json")),
            content_type=_JSON,
        )
    return body


def _json(value: Any, *, status: int = 200, call: Call | None = None) -> web.Response:
    response = web.Response(status=status, body=frames.encode(value), content_type=_JSON)
    if call is not None:
        response.headers["X-Request-Id"] = call.call_id
    return response


def _refuse(status: int, message: str, code: str, *, call: Call | None = None) -> web.Response:
    if call is not None:
        call.status = status
    response = _json(frames.error(status, message, code), status=status, call=call)
    if status == 429:
        response.headers["Retry-After"] = "1"
    return response


async def _say_simulation(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Simulation"] = SIMULATION
