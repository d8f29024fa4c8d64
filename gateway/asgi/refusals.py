"""What the port says to a request that no application sees: a head of two meanings, or too much of one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import structlog

from gateway.problems import Problem
from providers.openai.dialect import OPENAI

_JSON: Final = (b"content-type", b"application/json")


class BadHead(Exception):
    """Raised while a head is parsed. `why` is one of the reasons below."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def refusal(why: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The whole answer. `headers`: what had come of the request's, for the language."""
    problem = _problem(why)
    request_id = f"req_{secrets.token_hex(12)}"
    languages = [value for name, value in headers if name.lower() == b"accept-language"]
    language = languages[0].decode("latin-1") if languages else None
    body = OPENAI.refusal(problem.refusal(language, request_id))
    status = HTTPStatus(problem.status)
    lines = [
        _JSON,
        (b"connection", b"close"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        *problem.wire_headers(),
    ]
    structlog.get_logger("gateway").info(
        "refused unread", request_id=request_id, status=problem.status, why=why
    )
    head = b"".join(b"%b: %b\r\n" % line for line in lines)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), head, body)


def _problem(why: str) -> Problem:
    match why:
        case "host":
            return Problem(
                "invalid_request",
                english="Send exactly one Host header.",
                korean="Host 헤더를 정확히 하나 보내 주세요.",
            )
        case "target":
            return Problem(
                "request_too_large",
                status=414,
                english="Send a shorter path and query.",
                korean="경로와 쿼리를 줄여 주세요.",
            )
        case "head":
            return Problem(
                "request_too_large",
                status=431,
                english="Send fewer or shorter headers.",
                korean="헤더의 수나 길이를 줄여 주세요.",
            )
        case "handshake":
            return Problem(
                "invalid_request",
                english="Send one plain WebSocket handshake: GET, version 13, one key, no body.",
                korean="WebSocket 핸드셰이크를 GET, 버전 13, 키 하나, 본문 없이 보내 주세요.",
            )
        case "coding":
            return Problem(
                "invalid_request",
                status=501,
                english="Send the body whole or chunked, without another transfer coding.",
                korean="본문을 chunked 외의 전송 부호화 없이 보내 주세요.",
            )
        case _:
            return Problem(
                "invalid_request",
                english="Send an HTTP/1.1 request that can be understood in one way only.",
                korean="한 가지로만 해석되는 HTTP/1.1 요청을 보내 주세요.",
            )
