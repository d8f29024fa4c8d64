"""A vendor that takes no call unless it is signed as AWS's own signer would have signed what came."""

from __future__ import annotations

import asyncio
import calendar
import time
from typing import Any

from aiohttp import web

from providers.dialect import Outgoing
from tests.fakes.aws_signature import signature_of

KEY = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCY"
TOKEN = "IQoJb3JpZ2luX2VjEJr/" + "A" * 700 + "=="
REGION = "us-east-1"  # the host names none


class Vendor:
    """Answers what is signed; to all else it says what AWS says."""

    def __init__(
        self,
        *pieces: bytes,
        answer: Any = None,
        status: int = 200,
        kind: str | None = None,
        pause_s: float = 0.0,
        secret: str = KEY.partition(":")[2],
    ) -> None:
        self.pieces = pieces
        self.answer = answer
        self.status = status
        self.kind = kind
        self.pause_s = pause_s
        self.secret = secret
        self.asked: list[str] = []
        self.heads: list[dict[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        head = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(request.raw_path)
        self.heads.append(head)
        said = {"x-amzn-requestid": "aws-1"}
        if not await self._is_signed(request, head):
            said["x-amzn-errortype"] = "InvalidSignatureException:http://internal.amazon.com/"
            message = {"message": "The request signature we calculated does not match."}
            return web.json_response(message, status=403, headers=said)
        if self.kind is not None:
            said["x-amzn-errortype"] = f"{self.kind}:http://internal.amazon.com/coral/"
        if not self.pieces:
            return web.json_response(self.answer, status=self.status, headers=said)
        said["content-type"] = "application/vnd.amazon.eventstream"
        response = web.StreamResponse(headers=said)
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(self.pause_s)
        return response

    async def _is_signed(self, request: web.Request, head: dict[str, str]) -> bool:
        if not head["authorization"].startswith("AWS4-HMAC-SHA256 "):
            return head["authorization"] == "Bearer ABSKQmVkcm9jaw=="
        told = dict(part.split("=", 1) for part in head["authorization"].split(" ", 1)[1].split(", "))
        call = Outgoing(request.method, request.host, request.raw_path, await request.read(), 0.0)
        at = calendar.timegm(time.strptime(head["x-amz-date"], "%Y%m%dT%H%M%SZ"))
        signed = {"host", "x-amz-date", *(name for name in head if name.startswith("x-amz-"))}
        return (
            abs(at - time.time()) < 300
            and told["Credential"] == f"AKIDEXAMPLE/{head['x-amz-date'][:8]}/{REGION}/bedrock/aws4_request"
            and told["SignedHeaders"] == ";".join(sorted(signed))
            and told["Signature"] == signature_of(call, head, secret=self.secret, region=REGION)
        )
