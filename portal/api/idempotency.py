"""One answer per Idempotency-Key: the claim, the work and the answer are one SQL transaction.

A second request under a key waits for the first's commit and repeats its answer; where the first was refused,
nothing of it is left, and the second is a first. Answers are sealed, since one may show a new API key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request, Response

from portal.api.desk import Desk
from portal.problem import Problem

KEY_CHARACTERS_MAX: Final = 255
KEPT_S: Final = 24 * 60 * 60
_KEPT_HEADERS: Final = ("content-type", "location", "etag")


async def once(
    request: Request, inner: Callable[[Request], Awaitable[Response]], body: bytes, desk: Desk
) -> Response:
    """Inside the caller's SQL transaction. A refusal is an exception, so that nothing of it stays."""
    key = request.headers.get("idempotency-key", "")
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX:
        raise Problem(
            400,
            "idempotency_key_required",
            f"Send an Idempotency-Key of 1 to {KEY_CHARACTERS_MAX} characters.",
            korean="Idempotency-Key 헤더를 보내 주세요.",
        )
    place = (desk.actor.person, request.url.path, hashlib.sha256(key.encode()).digest())
    body_hash = hashlib.sha256(body).digest()
    kept = await _claim(desk, place, body_hash)
    if kept is not None:
        return kept
    answer = await inner(request)
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    text = json.dumps({"headers": headers, "body": bytes(answer.body).decode()})
    await desk.conn.execute(
        "update office_answer set status = %s, sealed = %s where (person, route, key_hash) = (%s, %s, %s)",
        [answer.status_code, desk.api.secrets.seal(text, row=_row(place)), *place],
    )
    return answer


async def _claim(desk: Desk, place: tuple[str, str, bytes], body_hash: bytes) -> Response | None:
    """None where the key is ours now; else the answer that was given under it."""
    await desk.conn.execute("delete from office_answer where expires_at < now() and person = %s", [place[0]])
    cursor = await desk.conn.execute(
        "insert into office_answer (person, route, key_hash, body_hash, expires_at)"
        " values (%s, %s, %s, %s, now() + make_interval(secs => %s)) on conflict do nothing returning 1",
        [*place, body_hash, KEPT_S],
    )
    if await cursor.fetchone() is not None:
        return None
    cursor = await desk.conn.execute(
        "select body_hash, status, sealed from office_answer where (person, route, key_hash) = (%s, %s, %s)",
        place,
    )
    row = await cursor.fetchone()
    if row is None or row[0] != body_hash:
        raise Problem(
            422,
            "idempotency_mismatch",
            "This Idempotency-Key came with another body before.",
            korean="같은 Idempotency-Key로 다른 요청을 보낸 적이 있습니다.",
        )
    kept = json.loads(desk.api.secrets.unseal(row[2], row=_row(place)))
    return Response(kept["body"].encode(), status_code=row[1], headers=kept["headers"])


def _row(place: tuple[str, str, bytes]) -> str:
    person, route, key_hash = place
    return f"office_answer/{person}/{route}/{key_hash.hex()}"
