"""An end for the keys of epochs that are over: nothing reads them, and Redis would keep them for good.

A hold's record has its hour from its own end. What else an epoch leaves (balances, windows of API keys, and
after the return of an older data set also holds that were settled long ago) gets the same hour once the books
have closed the epoch. Found by going through all keys, in steps, since after such a return nobody knows their
names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from metering.purse import HOLD_KEPT_MS
from metering.redis_line import RedisLine

STEP_KEYS: Final = 500
_OF_AN_EPOCH: Final = re.compile(rb"\{(\d+)\}:(\d+):")


async def expire_old_keys(lines: Iterable[RedisLine], oldest: Mapping[int, int]) -> int:
    """Keys of epochs before `oldest[lane]` end in an hour. -> how many had no end before.

    Raises PurseUnavailable.
    """
    expired = 0
    for line in lines:
        cursor: bytes = b"0"
        while True:
            cursor, found = await line.command("SCAN", cursor, "MATCH", "{*}:*:*", "COUNT", STEP_KEYS)
            old = [key for key in found if _is_old(key, oldest)]
            if old:
                said = await line.commands(*(("PEXPIRE", key, HOLD_KEPT_MS, "NX") for key in old))
                expired += sum(said)
            if cursor == b"0":
                break
    return expired


def _is_old(key: bytes, oldest: Mapping[int, int]) -> bool:
    match = _OF_AN_EPOCH.match(key)
    return match is not None and int(match[2]) < oldest.get(int(match[1]), 0)
