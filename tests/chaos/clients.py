"""The callers: chat, streamed and not, embeddings, repeats under an Idempotency-Key, and some who walk away.

Every attempt is noted before it is sent and after it ended. A caller knows only what reached it: the whole
answer (`ok`), a refusal with our code (`fail`), or neither (`unknown`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.chaos.answers import Wanted, now_ms, read_answer
from tests.chaos.history import Ended, Glance, Invoked, Recorder
from tests.chaos.setting import BOUNDED, CHAT, RICH, least_micro, scarce
from tests.chaos.wishes import chat, some
from tests.journeys.caller import SOURCES, Answer, micro
from tests.journeys.declarations import key_text

CALL_WAIT_S: Final = 15.0
PROBE_WAIT_S: Final = 5.0
REPEATS_S: Final = 20.0
EXHAUSTED_IN_A_ROW: Final = 4
PROBE_EVERY_S: Final = 0.1
GLANCE_EVERY_S: Final = 0.5
_PARTS: Final = ("granted", "spent", "held", "available", "returned")


@dataclass(slots=True)
class Callers:
    url: str
    session: aiohttp.ClientSession  # keeps its connections, and so mostly its gateway
    fresh: aiohttp.ClientSession  # a connection per call: whichever gateway takes it
    recorder: Recorder
    seed: int
    scarce_count: int
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=itertools.count)
    _scarce_now: int = 0
    _exhausted: int = 0

    async def run(self, *, rich: int, bounded: int, scarce: int) -> None:
        """Everybody calls until `stopping` is set, and finishes what was begun."""
        jobs = [self._keep_calling(f"rich-{i}", self._rich) for i in range(rich)]
        jobs += [self._keep_calling(f"bounded-{i}", self._bounded) for i in range(bounded)]
        jobs += [self._keep_calling(f"scarce-{i}", self._scarce) for i in range(scarce)]
        jobs += [self._probe(), self._glance()]
        async with asyncio.TaskGroup() as together:
            for job in jobs:
                together.create_task(job)

    async def _keep_calling(self, name: str, call: Any) -> None:
        dice = random.Random(f"{self.seed}/{name}")
        while not self.stopping.is_set():
            await call(dice)
            await asyncio.sleep(dice.uniform(0.02, 0.25))

    # -- who calls for what

    async def _rich(self, dice: random.Random) -> None:
        await self._either(dice, some(dice, dice.choice(RICH)), keyed=0.5)

    async def _bounded(self, dice: random.Random) -> None:
        await self._either(dice, some(dice, BOUNDED), keyed=0.3)

    async def _scarce(self, dice: random.Random) -> None:
        """All on one voucher until it is used up, then on the next; now and then on one that is over."""
        number = self._scarce_now
        if number and dice.random() < 0.05:
            await self._once(chat(dice, scarce(dice.randrange(number)), tokens=(5, 40)))
            return
        streamed = dice.random() < 0.6
        wanted = chat(dice, scarce(number), tokens=(20, 220), stream=streamed)
        ended = await self._either(dice, wanted, keyed=0.4)
        if number != self._scarce_now:
            return
        if ended.status == 402:
            self._exhausted += 1
            await asyncio.sleep(0.2)
        elif ended.verdict == "ok":
            self._exhausted = 0
        if self._exhausted >= EXHAUSTED_IN_A_ROW:
            self._scarce_now, self._exhausted = (number + 1) % self.scarce_count, 0

    # -- how it is called

    async def _either(self, dice: random.Random, wanted: Wanted, *, keyed: float) -> Ended:
        return await (self._keyed(dice, wanted) if dice.random() < keyed else self._once(wanted))

    async def _once(self, wanted: Wanted, session: aiohttp.ClientSession | None = None) -> Ended:
        number = next(self._numbers)
        return await self._attempt(wanted, f"o{number}", 0, session=session or self.session)

    async def _keyed(self, dice: random.Random, wanted: Wanted) -> Ended:
        """The same again under one Idempotency-Key until the answer is there, and sometimes once more.

        Again on the same connection or on another, at once or a little later, alone or two at a time.
        """
        operation, more = f"o{next(self._numbers)}", dice.random() < 0.3
        give_up_s = time.monotonic() + REPEATS_S
        attempts = itertools.count()
        while True:
            twins = 2 if dice.random() < 0.1 else 1
            sessions = dice.sample((self.session, self.fresh), twins)
            ends = await asyncio.gather(
                *(
                    self._attempt(wanted, operation, next(attempts), session=session, keyed=True)
                    for session in sessions
                )
            )
            ended = next((end for end in ends if _is_settled(end)), ends[0])
            if self.stopping.is_set() or time.monotonic() > give_up_s:
                return ended
            if _is_settled(ended):
                if not more:
                    return ended
                more = False
            else:
                at_once = dice.random() < 0.4
                await asyncio.sleep(dice.uniform(0.01, 0.1) if at_once else dice.uniform(0.2, 1.2))

    async def _attempt(
        self,
        wanted: Wanted,
        operation: str,
        attempt: int,
        *,
        session: aiohttp.ClientSession,
        keyed: bool = False,
    ) -> Ended:
        request_id = f"{operation}-{attempt}"
        headers = {
            "Authorization": f"Bearer {key_text(wanted.company)}",
            "Content-Type": "application/json",
            "X-Request-Id": request_id,
            "X-Voucher-Tag": operation,
        }
        if keyed:
            headers["Idempotency-Key"] = operation
        self.recorder.note(
            Invoked(
                request_id=request_id,
                operation=operation,
                company=wanted.company,
                kind=wanted.kind,
                product=wanted.product,
                least_micro=least_micro(wanted.product, len(wanted.body)),
                at_ms=now_ms(),
                keyed=keyed,
            )
        )
        answer = await self._send(session, wanted, headers)
        ended = read_answer(request_id, wanted, answer, at_ms=now_ms())
        self.recorder.note(ended)
        return ended

    async def _send(
        self, session: aiohttp.ClientSession, wanted: Wanted, headers: Mapping[str, str]
    ) -> Answer:
        answer, url = Answer(), f"{self.url}{wanted.path}"
        try:
            async with session.post(url, data=wanted.body, headers=headers) as response:
                answer.status, answer.headers = response.status, response.headers.copy()
                async for piece in response.content.iter_any():
                    answer.body += piece
                    if wanted.leave_after is not None and answer.body.count(b"\n\n") > wanted.leave_after:
                        answer.is_cut = True
                        response.close()
                        break
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            answer.is_cut = True
        return answer

    # -- who watches

    async def _probe(self) -> None:
        """A small call every tenth of a second, each over a connection of its own, whatever others wait for.

        Their answers are the measure of what serves: a process that is stopped keeps those it has accepted.
        """
        body = {
            "model": CHAT,
            "messages": [{"role": "user", "content": "[[tokens=2]] [[latency_ms=1]] [[token_ms=0]]"}],
            "max_tokens": 4,
        }
        wanted = Wanted(RICH[0], "probe", CHAT, json.dumps(body).encode(), "/v1/chat/completions")
        timeout = aiohttp.ClientTimeout(total=PROBE_WAIT_S)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as together,
        ):
            while not self.stopping.is_set():
                together.create_task(self._once(wanted, session))
                await asyncio.sleep(PROBE_EVERY_S)

    async def _glance(self) -> None:
        dice = random.Random(f"{self.seed}/glance")
        while not self.stopping.is_set():
            company = dice.choice((*RICH, BOUNDED, scarce(self._scarce_now)))
            await self._look(company)
            await asyncio.sleep(GLANCE_EVERY_S)

    async def _look(self, company: str) -> None:
        at_ms = now_ms()
        try:
            async with self.session.get(
                f"{self.url}/v1/voucher", headers={"Authorization": f"Bearer {key_text(company)}"}
            ) as response:
                if response.status != 200:
                    return
                (shown,) = (await response.json())["vouchers"]
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError):
            return
        for source in SOURCES:
            part = {name: micro(shown[source][f"{name}_krw"]) for name in _PARTS}
            self.recorder.note(
                Glance(
                    company=company,
                    source=source,
                    at_ms=at_ms,
                    **{f"{name}_micro": value for name, value in part.items()},
                )
            )


def _is_settled(ended: Ended) -> bool:
    """Whether asking again cannot change it."""
    return ended.verdict == "ok" or ended.code == "answer_not_kept" or ended.status in (400, 402)
