"""Which methods a route takes: any other is told so, and which."""

from __future__ import annotations

from gateway.asgi.request import Request
from gateway.problems import Problem


def only(request: Request, *methods: str) -> None:
    """Raises Problem."""
    if request.method in methods:
        return
    allowed = ", ".join(methods)
    raise Problem(
        "route_not_found",
        status=405,
        english=f"This route takes {allowed} only.",
        korean=f"이 경로는 {allowed} 요청만 받습니다.",
        headers=((b"allow", allowed.encode()),),
    )
