"""Every safeguard that the simulation can do without, by name: the rows of docs/reference/safeguards.md."""

from __future__ import annotations

from typing import Final

from tests.simulation.mutants import Change, Mutant

LUA: Final = "metering/lua"

MUTANTS: Final = (
    Mutant(
        "op-id replay",
        "A reserve that comes again under the same op gets the first answer.",
        "it holds a second time",
        (Change(f"{LUA}/reserve.lua", "if done[1] and not anew then", "if false then"),),
    ),
    Mutant(
        "event inside the settle script",
        "The event and the balance change in one step.",
        "the gateway appends the event afterwards, in a command of its own",
        (
            Change(f"{LUA}/settle.lua", "redis.call('XADD', KEYS[3], '*', unpack(entry))", "'1-1'"),
            Change(
                "metering/purse_redis.py",
                "[hold.n, hold.op, charge_micro, tokens, event, hold.gateway_id]\n        )\n",
                "[hold.n, hold.op, charge_micro, tokens, event, hold.gateway_id]\n        )\n"
                "        fields = {'op': hold.op, 'kind': 'settled', 'n': hold.n}\n"
                "        fields |= {'charge': charge_micro, 'e': event}\n"
                "        if reply[0] == b'LATE': fields['late'] = 1\n"
                "        flat = [part for pair in fields.items() for part in pair]\n"
                "        reply[1] = await self.line.command('XADD', keys.log(hold.lane), '*', *flat)\n",
            ),
        ),
    ),
    Mutant(
        "epoch fence",
        "A script is refused where the caller believes in another epoch than the data set's.",
        "any epoch number is accepted in a data set that has one",
        (Change(f"{LUA}/prologue.lua", "if at[1] ~= n then return {'OTHER', at[1]} end", ""),),
    ),
    Mutant(
        "fence by run_id only",
        "An epoch is tied to master_replid, which changes at every restart and promotion.",
        "it is tied to run_id, which survives a demotion and a promotion",
        (
            Change(f"{LUA}/prologue.lua", "'master_replid:'", "'run_id:'"),
            Change("metering/purse_redis.py", '"master_replid:"', '"run_id:"'),
        ),
    ),
    Mutant(
        "open with a ticket",
        "An epoch is opened only in the data set that asked for it.",
        "`open` asks for no ticket",
        (
            Change(
                f"{LUA}/open.lua",
                "if at[3] ~= ARGV[2] or string.sub(ARGV[2], -#here) ~= here then return {'NO'} end",
                "",
            ),
        ),
    ),
    Mutant(
        "used ticket replaced",
        "A ticket that the books know from an epoch that has ended is replaced.",
        "the data set keeps it",
        (Change(f"{LUA}/vacate.lua", " or ticket == ARGV[2]", ""),),
    ),
    Mutant(
        "loans under a version",
        "A loan's message of the same or an older version does nothing.",
        "the last message to arrive counts",
        (Change(f"{LUA}/lend.lua", "tonumber(ARGV[2]) <= tonumber(v[1])", "false"),),
    ),
    Mutant(
        "loans in totals",
        "A loan is told as a total.",
        "it is told as what was drawn now, and added",
        (
            Change(
                f"{LUA}/lend.lua",
                "limit = text(math.max(tonumber(limit), tonumber(v[2]) + tonumber(v[3])))",
                "limit = text(tonumber(limit) + tonumber(redis.call('HGET', KEYS[2], 'limit')))",
            ),
            Change(
                "billing/treasury.py",
                "loan=loan.message())",
                "loan=__import__('dataclasses').replace(loan.message(), limit_micro=drawn))",
            ),
            Change(
                "billing/loans.py",
                "loan=stated.message())",
                "loan=__import__('dataclasses').replace(stated.message(), limit_micro=0))",
            ),
        ),
    ),
    Mutant(
        "no seed of an existing epoch",
        "An epoch whose loans a data set forgot is replaced, never filled again.",
        "the data set is given the same epoch again, and its loans with it",
        (
            Change(f"{LUA}/lend.lua", "if ARGV[2] ~= '1' then return {'NO'} end", ""),
            Change(
                "billing/treasury.py",
                "            n = await _newest_n(conn, lane) + 1\n",
                "            if (again := await _open_epoch(conn, lane)) is not None:\n"
                "                await conn.execute(\n"
                '                    "update lane_epoch set ticket = %s where lane = %s and n = %s",\n'
                "                    [ticket, lane, again.n],\n"
                "                )\n"
                '                return _Epoch(again.n, "open", ticket)\n'
                "            n = await _newest_n(conn, lane) + 1\n",
            ),
            Change(
                "billing/treasury.py",
                "if before is None and (known is not None or await self._purse.epoch_here(lane) != n):",
                "if before is None and await self._purse.epoch_here(lane) != n:",
            ),
        ),
    ),
    Mutant(
        "a purse that is not current is vacated",
        "A data set whose living epoch the books have left must ask for a new one.",
        "it keeps its epoch",
        (
            Change(
                "billing/treasury.py",
                "stale_n=here if here is not None else stale_n,",
                "stale_n=stale_n,",
            ),
        ),
    ),
    Mutant(
        "hold-expiry fence",
        "A hold that the sweeper ended is settled LATE: the difference is the books' to correct.",
        "its settlement touches the balance a second time",
        (Change(f"{LUA}/settle.lua", "h[1] ~= 'open'", "not h[1]"),),
    ),
    Mutant(
        "open holds never expire",
        "A hold's record has no time to live before its end.",
        "it expires after five seconds",
        (
            Change(
                f"{LUA}/reserve.lua",
                "if limited then\n  if roll",
                "redis.call('PEXPIRE', KEYS[2], 5000)\nif limited then\n  if roll",
            ),
        ),
    ),
    Mutant(
        "settle once",
        "A settlement that comes again gets the first answer.",
        "it ends the hold again",
        (
            Change(
                f"{LUA}/settle.lua",
                "if h[1] == 'settled' and not news then return balance",
                "if false then return balance",
            ),
            Change(f"{LUA}/settle.lua", "h[1] ~= 'open'", "not h[1]"),
        ),
    ),
    Mutant(
        "insert on conflict",
        "An op that is in the books is not booked again.",
        "every event is taken for a new one",
        (
            Change(
                "billing/posting_rules.py",
                "before = books.booked.get(event.op, NOTHING_BOOKED)",
                "before = NOTHING_BOOKED",
            ),
        ),
    ),
    Mutant(
        "settled after swept is corrected",
        "A settlement after a sweep books the difference.",
        "`on conflict do nothing`: the first event of an op stands",
        (
            Change(
                "billing/posting_rules.py",
                'if before.kind == "swept" or before.charge_micro == 0',
                "if before.charge_micro == 0",
            ),
        ),
    ),
    Mutant(
        "a charge after a release is booked",
        "An end without a charge is not the last word on a call that is made again under its key.",
        "the first end of an op stands, in the purse and in the books",
        (
            Change(
                "billing/posting_rules.py",
                'if before.kind == "swept" or before.charge_micro == 0 < event.charge_micro',
                'if before.kind == "swept"',
            ),
            Change(f"{LUA}/settle.lua", "local news = charged and h[7] == '0'", "local news = false"),
        ),
    ),
    Mutant(
        "what was given stays owed",
        "What a dead gateway gave is charged where the call made again comes to nothing.",
        "whoever ends the hold last decides alone",
        (
            Change(
                f"{LUA}/settle.lua",
                "not foreign and not charged and h[9]",
                "not foreign and not charged and h[9] and false",
            ),
        ),
    ),
    Mutant(
        "a key keeps its op",
        "Who takes over the key of a gateway that died runs the call under the first one's op.",
        "it runs under an op of its own",
        (
            Change(
                "billing/idempotency_store.py",
                "gateway_id = %s, taken_over",
                "op = op || 'x', gateway_id = %s, taken_over",
            ),
            Change("billing/idempotency_store.py", "Claimed(first_op)", "Claimed(first_op + 'x')"),
        ),
    ),
    Mutant(
        "entries deleted one by one",
        "Only what is in the books is deleted from a stream.",
        "XTRIM below the last posted id",
        (
            Change(
                "metering/purse_redis.py",
                'await self.line.command("XDEL", keys.log(lane), *entry_ids)',
                "ms, _, sequence = entry_ids[-1].partition('-')\n"
                "            beyond = f'{ms}-{int(sequence) + 1}'\n"
                '            await self.line.command("XTRIM", keys.log(lane), "MINID", beyond)',
            ),
        ),
    ),
    Mutant(
        "re-send buffer",
        "What is not acknowledged is sent again.",
        "it is sent once",
        (
            Change(
                "metering/meter.py",
                "(self._unposted.fetch_acks, send_again, *orphans)",
                "(self._unposted.fetch_acks, *orphans)",
            ),
        ),
    ),
    Mutant(
        "holds that came back are ended",
        "What a data set brings back open, though its call was settled elsewhere, is ended by its gateway.",
        "its money stays held for as long as the gateway lives",
        (Change("metering/meter.py", "send_again, *orphans)", "send_again, orphans[0])"),),
    ),
    Mutant(
        "a key keeps its op after a release",
        "A try that came to nothing leaves a key its op: the charge of a dead gateway may be on its way.",
        "the next try has an op of its own, and both are charged",
        (
            Change(
                "billing/idempotency_store.py",
                "gateway_id = %s, taken_over",
                "op = coalesce((select op || 'x' from usage u where u.op = idem.op limit 1), op),"
                " gateway_id = %s, taken_over",
            ),
            Change(
                "billing/idempotency_store.py",
                "Claimed(first_op)",
                "Claimed(first_op + ('x' if booked else ''))",
            ),
        ),
    ),
    Mutant(
        "no byte that nobody would know of",
        "A checkpoint that neither the disk nor the purse takes stops the stream.",
        "the stream goes on, and what follows is lost with its gateway",
        (
            Change(
                "gateway/slices.py",
                "if not self._write(output_tokens):\n            await self._insist(output_tokens)",
                "self._write(output_tokens)",
            ),
        ),
    ),
    Mutant(
        "what is counted after all is followed",
        "An end that the books have and no purse had counted is taken from the limit where one counts it.",
        "the limit stays too low for the rest of the epoch",
        (Change("billing/posting_counted.py", "if event.counted and (event.op, event.n) in", "if () in"),),
    ),
    Mutant(
        "sweeper checkpoint",
        "A dead gateway's call is charged up to its last checkpoint, by the purse's or the journal's word.",
        "its hold is released, and no checkpoint stands in the journal",
        (
            Change(f"{LUA}/sweep.lua", "local id =", "h[5] = '0'\nlocal id ="),
            Change("metering/meter.py", "self._journal.append(event.ack_name, event.to_bytes())", "pass"),
        ),
    ),
    Mutant(
        "a sweep names its gateway",
        "A hold that another gateway took over is not ended with the dead one's, however old the list is.",
        "whoever is on the list is ended",
        (Change(f"{LUA}/sweep.lua", "if h[1] ~= 'open' or h[10] ~= ARGV[3] then", "if h[1] ~= 'open' then"),),
    ),
    Mutant(
        "an extension names its gateway",
        "Who lost a call to another gateway hears so, and raises no hold of the other's.",
        "whoever asks is answered",
        (Change(f"{LUA}/extend.lua", " or h[7] ~= ARGV[7]", ""),),
    ),
    Mutant(
        "frozen price",
        "A call costs what the price list said when it was admitted.",
        "it costs what the list says at its end",
        (
            Change(
                "gateway/exchange.py",
                "self.ceiling.price, usage, asked=",
                "__import__('metering.prices', fromlist=['x'])"
                ".entry_at(self.product.prices, now_ms), usage, asked=",
            ),
        ),
    ),
    Mutant(
        "wait queue",
        "Money that other calls hold is waited for before a call is refused.",
        "the call is refused at once",
        (
            Change(
                "metering/meter.py",
                "deadline_s = self._loop.time() + self._wait_for_funds_s",
                "deadline_s = self._loop.time()",
            ),
        ),
    ),
    Mutant(
        "cancelled-command isolation",
        "The reply to a cancelled command reaches nobody.",
        "it reaches whoever comes next",
        (
            Change(
                "metering/redis_line.py",
                "            future = pending.popleft()\n"
                "            if future.done():\n                continue\n",
                "            while pending and pending[0].done():\n                pending.popleft()\n"
                "            if not pending:\n                continue\n"
                "            future = pending.popleft()\n",
            ),
        ),
    ),
    Mutant(
        "overrun cap",
        "A charge beyond its hold takes what is free, and no more.",
        "it takes what others hold",
        (
            Change(
                f"{LUA}/prologue.lua",
                "return math.min(charge, amount + tonumber(v[1]) - tonumber(v[2]) - tonumber(v[3]))",
                "return charge",
            ),
        ),
    ),
    Mutant(
        "no retries by the connection",
        "A command whose reply was lost is not sent again by the line, as a general client would.",
        "it is sent again on the next connection, up to ten times",
        (
            Change(
                "metering/redis_line.py",
                "    async def command(self, *command: str | bytes | int) -> Reply:\n        try:\n"
                "            return await self.call(*command)\n",
                "    async def command(self, *command: str | bytes | int) -> Reply:\n        try:\n"
                "            for _ in range(10):\n"
                "                try:\n                    return await self.call(*command)\n"
                "                except PurseUnavailable:\n                    await asyncio.sleep(0.1)\n"
                "            return await self.call(*command)\n",
            ),
        ),
    ),
    Mutant(
        "remainder returns when all have left",
        "What a closing epoch has left returns when no gateway can charge it any more.",
        "it returns at once",
        (Change("billing/closing.py", "where g.buried_at is null\n", "where false\n"),),
    ),
    Mutant(
        "late settlements touch no balance",
        "A settlement of a former epoch is news for the books, and not money of the new one.",
        "it is charged to the new epoch",
        (
            Change(
                f"{LUA}/settle.lua",
                "if late then\n  if foreign",
                "if refusal and refusal[1] == 'OTHER' then\n"
                "  local current = string.gsub(KEYS[4], '^({%d+}:)%d+', '%1' .. refusal[2])\n"
                "  if redis.call('EXISTS', current) == 1 then\n"
                "    redis.call('HINCRBY', current, 'spent', ARGV[3])\n"
                "  end\n"
                "end\n"
                "if late then\n  if foreign",
            ),
        ),
    ),
    Mutant(
        "the settings of every node are read",
        "Redis that forgets or evicts what it acknowledged is refused, or said to the operator.",
        "any setting is taken for the right one",
        (
            Change(
                "launch/durability.py",
                "{setting: client.config_get(setting).get(setting) for setting in wanted}",
                "{**wanted}",
            ),
        ),
    ),
)
