"""A small stateful Stripe over HTTP, for what localstripe does not know, with faults on its way.

Idempotency keys answer as Stripe's do: the same again, and 400 for another body. `faults` is asked before
each request: "before" fails and does nothing, "after" does it and loses the answer, "busy" says 409.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import stripe
from aiohttp import web

from tests.fakes.stripe_connect import Connect, Invalid
from tests.fakes.stripe_objects import Declined, Json, NoSuch, NotNow, StripeObjects
from tests.fakes.stripe_shapes import error_faults, shape_faults

Fault = str | None


@dataclass(slots=True)
class StandIn:
    objects: StripeObjects = field(default_factory=StripeObjects)
    faults: Callable[[str], Fault] = lambda _: None
    base: str = ""
    asked: list[str] = field(default_factory=list)
    connect: Connect = field(init=False)
    unlike_stripe: list[str] = field(
        default_factory=list
    )  # what of the answers Stripe's own classes have not
    _kept: dict[str, tuple[str, int, Json]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connect = Connect(self.objects)

    async def answer(self, request: web.Request) -> web.Response:
        what = f"{request.method} {request.path}"
        self.asked.append(what)
        fault = self.faults(what)
        if fault == "before":
            return _error(500, "api_error", "down")
        if fault == "busy":
            return _error(409, "idempotency_error", "in use", code="idempotency_key_in_use")
        body = (await request.read()).decode()
        status, told = self._once(request, what, body)
        return (
            _error(500, "api_error", "lost") if fault == "after" else web.json_response(told, status=status)
        )

    def _once(self, request: web.Request, what: str, body: str) -> tuple[int, Json]:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is not None and key in self._kept:
            before, status, told = self._kept[key]
            if before != what + body:
                return 400, {"error": {"type": "idempotency_error", "message": "another body"}}
            return status, told
        form = _form(body)
        try:
            status, told = 200, self._do(request.method, request.path, form, _form(request.query_string))
        except NoSuch as error:
            status, told = 404, {"error": {"type": "invalid_request_error", "message": f"No such {error}"}}
        except NotNow as error:
            told = {
                "error": {"type": "invalid_request_error", "code": "unexpected_state", "message": str(error)}
            }
            status = 400
        except Invalid as error:
            told = {"error": {"type": "invalid_request_error", "code": error.code, "message": str(error)}}
            status = 400
        except Declined as declined:
            intent = declined.intent
            told = {"error": {"type": "card_error", "code": "card_declined", "payment_intent": intent}}
            status = 402
        self.unlike_stripe += shape_faults([told]) if status == 200 else error_faults(told["error"])
        if key is not None:
            self._kept[key] = (what + body, status, json.loads(json.dumps(told)))
        return status, told

    def _do(self, method: str, path: str, form: Json, query: Json) -> Json:
        objects = self.objects
        match (method, path.removeprefix("/v1/").split("/")):
            case ("POST", ["customers"]):
                return objects.make("customer", "cus", metadata=form.get("metadata", {}))
            case ("POST", ["payment_intents"]):
                return self._intent(form)
            case ("GET", ["payment_intents", intent_id]):
                return self._expanded(objects.get(intent_id), query)
            case ("POST", ["payment_intents", intent_id, "cancel"]):
                return objects.cancel(intent_id)
            case ("POST", ["payment_methods", method_id, "detach"]):
                return objects.detach(method_id)
            case ("POST", ["checkout", "sessions"]):
                [line] = form["line_items"].values()
                session = objects.session(
                    amount=int(line["price_data"]["unit_amount"]),
                    reference=form["client_reference_id"],
                    data=form["payment_intent_data"],
                    customer=form.get("customer"),
                )
                return _public(session)
            case ("GET", ["checkout", "sessions", session_id]):
                return _public(objects.get(session_id))
            case ("POST", ["refunds"]):
                return objects.refund(form["payment_intent"], int(form["amount"]), **form["metadata"])
            case ("GET", ["refunds"]):
                listed = _listed(objects.of("refund", payment_intent=query["payment_intent"]))
                return self._expanded(listed, query)
            case ("GET", ["disputes"]):
                return _listed(objects.of("dispute", payment_intent=query["payment_intent"]))
        return self.connect.do(method, path.removeprefix("/v1/").split("/"), form, query)

    def _intent(self, form: Json) -> Json:
        form["amount"] = int(form["amount"])
        intent = self.objects.intent(**form)
        if form.get("confirm") == "true":
            self.objects.pay(intent["id"], form["payment_method"])
        return intent

    def _expanded(self, thing: Json, query: Json) -> Json:
        """With what `expand` names in the place of its id, as deep as it says."""
        shown: Json = json.loads(json.dumps(thing))
        for path in query.get("expand", {}).values():
            self._expand(shown, path.split("."))
        return shown

    def _expand(self, here: Any, path: list[str]) -> None:
        if isinstance(here, list):
            for one in here:
                self._expand(one, path)
            return
        name, *rest = path
        if isinstance(here.get(name), str):
            here[name] = json.loads(json.dumps(self.objects.things.get(here[name], here[name])))
        if rest and here.get(name) is not None:
            self._expand(here[name], rest)


def _form(text: str) -> Json:
    return _tree(dict(parse_qsl(text, keep_blank_values=True)))


def _tree(flat: dict[str, str]) -> Json:
    """a[b][c]=1 → {"a": {"b": {"c": "1"}}}; lists stay objects with numbers for names."""
    tree: Json = {}
    for name, value in flat.items():
        *path, last = name.replace("]", "").split("[")
        here = tree
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
    return tree


def _public(thing: Json) -> Json:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def _listed(things: list[Json]) -> Json:
    return {"object": "list", "data": things, "has_more": False, "url": "/v1"}


def _error(status: int, kind: str, message: str, **more: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message, **more}}, status=status)


def signed(event: Json, secret: str, *, at_s: int | None = None) -> tuple[bytes, str]:
    """As Stripe would send it. -> body, header"""
    body = json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at_s)
    return body.encode(), str(header)


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    app = web.Application()
    app.router.add_route("*", "/v1/{rest:.*}", stand_in.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        stand_in.base = f"http://{host}:{port}"
        yield stand_in
    finally:
        await runner.cleanup()
