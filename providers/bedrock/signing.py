"""AWS Signature Version 4 of one call: credentials, host, path, body and time -> head lines. Pure.

What is signed is the call in one agreed spelling (the canonical request): method, path, query, the head lines
that are signed, a hash of the body. The key is made of the secret, the day, the region and the service.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from typing import Final
from urllib.parse import quote

from providers.dialect import Outgoing

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "bedrock"
_ENDPOINT: Final = "bedrock-runtime"
# Where a host names no region (a proxy in front), it is signed for the one most of them stand for.
_REGION: Final = "us-east-1"


def credential_lines(key: str, call: Outgoing) -> list[str]:
    """`ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]` signs; a key without a colon is a bearer's."""
    access_key, colon, rest = key.partition(":")
    if not colon:
        return [f"Authorization: Bearer {key}"]
    secret, _, session_token = rest.partition(":")
    return _signed(call, access_key, secret, session_token)


def region_of(host: str) -> str:
    """`bedrock-runtime.eu-west-1.amazonaws.com`, `bedrock-runtime-fips...`, `vpce-1.bedrock-runtime...`"""
    labels = host.partition(":")[0].lower().split(".")
    for label, following in pairwise(labels):
        if label in (_ENDPOINT, f"{_ENDPOINT}-fips"):
            return following
    return _REGION


def _signed(call: Outgoing, access_key: str, secret: str, session_token: str) -> list[str]:
    at = datetime.fromtimestamp(call.now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    region = region_of(call.host)
    signed = {"host": call.host, "x-amz-date": at}
    if session_token:
        signed["x-amz-security-token"] = session_token
    names = ";".join(signed)
    path, _, query = call.path.partition("?")
    request = "\n".join(
        [
            call.method,
            quote(path, safe="/~"),  # what was escaped once is escaped again
            query,
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            names,
            sha256(call.body).hexdigest(),
        ]
    )
    scope = f"{at[:8]}/{region}/{_SERVICE}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, at, scope, sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), sha256)
    signature = hmac.digest(key, to_sign.encode(), sha256).hex()
    lines = [f"X-Amz-Date: {at}"]
    if session_token:
        lines.append(f"X-Amz-Security-Token: {session_token}")
    credential = f"Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return [*lines, f"Authorization: {_ALGORITHM} {credential}"]
