"""Who takes a realtime session: a product's upstreams in turn, until one has taken it."""

from __future__ import annotations

from typing import Final

from gateway.calls import Admitted
from gateway.problems import Problem
from gateway.routing import Routing
from gateway.telemetry import CallRecord
from providers.catalogue import UpstreamTarget
from providers.errors import FirstByteTimeout, UpstreamError
from providers.vendor_sockets import HandshakeRefused, VendorSocket, VendorSockets

BETA: Final = "realtime=v1"
_REJECTIONS: Final = frozenset({400, 404, 405, 413, 422, 426})  # no other upstream helps


class RealtimeVendors:
    def __init__(self, sockets: VendorSockets, routing: Routing) -> None:
        self._sockets = sockets
        self._routing = routing

    async def connect(self, admitted: Admitted, record: CallRecord, *, is_beta: bool) -> VendorSocket:
        """Raises Problem: the last one met, or the vendor's rejection."""
        asked, operation = admitted.route.dialect.name, admitted.route.operation
        targets = self._routing.order(
            [target for target in admitted.product.upstreams if target.dialect == asked]
        )
        headers = {"X-Request-Id": record.request_id}
        if is_beta:
            headers["OpenAI-Beta"] = BETA
        last: Problem | None = None
        for target in targets:
            record.attempts += 1
            record.upstream = target.target_id
            try:
                path = operation.path(target.model, True)
                vendor = await self._sockets.connect(target, path=path, headers=headers)
            except HandshakeRefused as refused:
                last = self._refused(target, refused)
                if refused.status in _REJECTIONS:
                    break
            except UpstreamError as error:
                self._routing.failure(target)
                code = "upstream_timeout" if isinstance(error, FirstByteTimeout) else "upstream_error"
                last = Problem(code)
            else:
                self._routing.success(target)
                return vendor
        assert last is not None, "an admitted product has an upstream of this dialect"
        raise last

    def _refused(self, target: UpstreamTarget, refused: HandshakeRefused) -> Problem:
        if refused.status >= 500:
            self._routing.failure(target)
        if refused.status == 429:
            said = refused.retry_after
            seconds = int(said) if said is not None and said.isdecimal() and len(said) < 6 else 1
            return Problem("upstream_rate_limited", retry_after_s=min(max(seconds, 1), 3600))
        if refused.status in _REJECTIONS:
            return Problem(
                "upstream_rejected",
                english="The vendor offers no realtime session for this product.",
                korean="공급사가 이 상품의 실시간 세션을 제공하지 않습니다.",
                param="model",
            )
        return Problem("upstream_error")


__all__ = ["BETA", "RealtimeVendors"]
