"""`/v1/realtime`: from a handshake to a session. Who calls and what is asked is judged as for any call.

Until the vendor has taken the session too, a refusal is an ordinary answer in HTTP; only then is the client's
handshake accepted. Money for the first response is held before the vendor is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from gateway.asgi.request import Request
from gateway.asgi.websocket import WebSocket
from gateway.auth import Caller
from gateway.calls import Admitted, Calls, tag_of
from gateway.outlet import Outlet
from gateway.problems import Problem
from gateway.realtime_money import Money, ResponseExchange
from gateway.realtime_session import Session, SessionLimits
from gateway.realtime_vendors import BETA, RealtimeVendors
from gateway.telemetry import CallRecord, Telemetry
from metering.meter import Meter
from metering.wish import MeterUnavailable
from providers.dialects import Route
from providers.facts import BadRequest
from providers.openai_realtime.operation import spoken_of
from providers.vendor_sockets import VendorSocket

_KEY_OFFER: Final = "openai-insecure-api-key."
_SUBPROTOCOL: Final = "realtime"
_BETA_OFFER: Final = "openai-beta.realtime-v1"


def offers(request: Request) -> list[str]:
    """The subprotocols the client offers."""
    said = request.header(b"sec-websocket-protocol") or ""
    return [offer.strip() for offer in said.split(",")]


def headers_with_key(request: Request) -> Mapping[bytes, bytes]:
    """A browser can set no header, so its key comes as a subprotocol: it is put where others send theirs."""
    keys = {offer.removeprefix(_KEY_OFFER) for offer in offers(request) if offer.startswith(_KEY_OFFER)}
    if not keys:
        return request.headers
    key = keys.pop().encode("latin-1")
    if keys or b"sec-websocket-protocol" in request.twice or request.headers.get(b"x-api-key", key) != key:
        raise Problem("invalid_api_key")
    return {**request.headers, b"x-api-key": key}


class Realtime:
    def __init__(
        self,
        *,
        calls: Calls,
        meter: Meter,
        vendors: RealtimeVendors,
        telemetry: Telemetry,
        limits: SessionLimits,
        now_ms: Callable[[], int],
    ) -> None:
        self._calls = calls
        self._meter = meter
        self._vendors = vendors
        self._telemetry = telemetry
        self._limits = limits
        self._now_ms = now_ms

    async def serve(
        self,
        route: Route,
        who: Callable[[], Caller],
        request: Request,
        *,
        socket: WebSocket | None,
        outlet: Outlet,
        record: CallRecord,
    ) -> None:
        """`who` says who calls, as often as it is asked: a key may be revoked while the session runs."""
        if socket is None:
            raise Problem(
                "invalid_request",
                status=426,
                english="Connect to this route by WebSocket.",
                korean="이 경로에는 WebSocket으로 연결해 주세요.",
                headers=((b"upgrade", b"websocket"), (b"connection", b"close")),
            )
        money = self._money(_with_product(route, request), who, request, record)
        is_beta = request.header(b"openai-beta") == BETA or _BETA_OFFER in offers(request)
        first, vendor = await self._open(money, record, is_beta=is_beta)
        session = Session(
            client=socket,
            vendor=vendor,
            money=money,
            first=first,
            limits=self._limits,
            language=request.header(b"accept-language"),
            is_beta=is_beta,
        )
        accept = partial(
            socket.accept,
            subprotocol=_SUBPROTOCOL if _SUBPROTOCOL in offers(request) else None,
            headers=[(b"x-request-id", record.request_id.encode())],
        )
        outlet.status = 101  # from now on a refusal is said on the socket
        end = await session.run(accept)
        record.end_reason, record.client_gone = end.reason or end.end_reason, end.client_gone
        record.code = None if end.problem is None else end.problem.code

    async def _open(
        self, money: Money, record: CallRecord, *, is_beta: bool
    ) -> tuple[ResponseExchange, VendorSocket]:
        """Money for one response, and a vendor that has taken the session. Raises Problem."""
        first = await money.hold()
        try:
            vendor = await self._vendors.connect(money.admitted, record, is_beta=is_beta)
        except BaseException:
            await _give_back(money, first)
            raise
        money.target_id = first.target_id = record.upstream
        return first, vendor

    def _money(self, route: Route, who: Callable[[], Caller], request: Request, record: CallRecord) -> Money:
        def admit() -> Admitted:
            return self._calls.admit(route, who(), {}, 0, record)

        return Money(
            calls=self._calls,
            meter=self._meter,
            telemetry=self._telemetry,
            admit=admit,
            record=record,
            tag=tag_of(request),
            now_ms=self._now_ms,
        )


async def _give_back(money: Money, first: ResponseExchange) -> None:
    try:
        await money.release(first, "refused")
    except MeterUnavailable:
        pass  # the hold cost nothing, and its end is written down or swept


def _with_product(route: Route, request: Request) -> Route:
    try:
        return msgspec.structs.replace(route, spoken=spoken_of(request.query))
    except BadRequest as bad:
        raise Problem(
            "invalid_request", english=bad.message_en, korean=bad.message_ko, param=bad.param
        ) from None


__all__ = ["Realtime", "headers_with_key"]
