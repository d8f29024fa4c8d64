"""What a Redis holds of epochs and gateways, whoever opened or started them.

Asked where the books have gone back to an earlier time: numbers that the purse has seen must not come again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from metering import keys
from metering.redis_line import RedisLine

STEP_KEYS: Final = 500
_OF_AN_EPOCH: Final = re.compile(rb"\{(\d{1,3})\}:(\d{1,18}):(?:g:(.{1,200}))?", re.DOTALL)
_EPOCH: Final = re.compile(rb"\{(\d{1,3})\}:epoch")
_LEASE: Final = keys.lease("").encode()


class Remains(NamedTuple):
    epochs: frozenset[tuple[int, int]] = frozenset()  # (lane, n)
    gateways: frozenset[str] = frozenset()  # that have holds open
    living: frozenset[str] = frozenset()  # that renewed their lease within its ten seconds


async def find_remains(lines: Iterable[RedisLine]) -> Remains:
    """Goes through all keys, in steps. Raises PurseUnavailable."""
    epochs: set[tuple[int, int]] = set()
    gateways: set[str] = set()
    living: set[str] = set()
    for line in lines:
        cursor: bytes = b"0"
        while True:
            cursor, found = await line.command("SCAN", cursor, "MATCH", "[{g]*", "COUNT", STEP_KEYS)
            for key in found:
                if match := _OF_AN_EPOCH.match(key):
                    epochs.add((int(match[1]), int(match[2])))
                    if match[3] is not None:
                        gateways.add(match[3].decode(errors="replace"))
                elif match := _EPOCH.fullmatch(key):
                    n = await line.command("HGET", key, "n")
                    epochs |= {(int(match[1]), int(n))} if n is not None else set()
                elif key.startswith(_LEASE):
                    living.add(key.removeprefix(_LEASE).decode(errors="replace"))
            if cursor == b"0":
                break
    known = frozenset((lane, n) for lane, n in epochs if lane < keys.LANES and n > 0)
    return Remains(known, frozenset(gateways), frozenset(living))
