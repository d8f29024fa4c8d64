"""What must hold when everything has come to rest, and whether it has."""

from __future__ import annotations

from collections.abc import Sequence

from tests.simulation.gateway_process import Gateway
from tests.simulation.model import Broken
from tests.simulation.world import World


def unrest(world: World, gateways: Sequence[Gateway]) -> str:
    """What is still to be done, or nothing."""
    if any(gateway.meter is None or gateway.running for gateway in gateways):
        return "calls run, or a gateway does not start"
    meters = [gateway.meter for gateway in gateways if gateway.meter is not None]
    if any(meter.unposted or meter.holds_open for meter in meters):
        waiting = [w for meter in meters for w in meter._unposted._waiting.values()]
        holds = [op for meter in meters for lane in meter._lanes for op in lane.holds]
        return f"held {holds[:3]}, unposted " + ", ".join(
            f"{w.event.op} at {w.entry_id}, sending {w.sending}" for w in waiting[:3]
        )
    data = world.primary.data
    for company in world.companies:
        if data.do([b"XLEN", f"{{{company.lane}}}:log".encode()]):
            return "events wait in a stream"
        n, fence = data.do([b"HMGET", f"{{{company.lane}}}:epoch".encode(), b"n", b"fence"])
        if fence is None or fence.decode() != data.replid:
            continue  # nothing lives there: what lies in it is of a data set that was lost
        living = b"{%d}:%s:h:" % (company.lane, n)
        for key, value in data.values.items():
            if key.startswith(living) and value[b"s"] == b"open":
                return f"{key!r} is open"
    [(closing, claims)] = world.rows(
        "select (select count(*) from lane_epoch where state = 'closing'), (select count(*) from claim)"
    )
    if closing or claims:
        return f"{closing} epochs close, {claims} claims"
    untold = world.rows(
        "select l.lane, l.n, l.voucher_id from loan l join lane_epoch e using (lane, n)"
        " where e.state = 'open' and l.ver > 1 and l.ver > l.sent_ver"
    )
    # Of a loan that the purse forgot it is told again and again: whoever needs it has the epoch replaced.
    known = [voucher for lane, n, voucher in untold if f"{{{lane}}}:{n}:v:{voucher}".encode() in data.values]
    return f"the loan of {known[0]} is to be told" if known else ""


def check(world: World) -> None:
    """Every law that holds at rest; the first that does not is noted."""
    try:
        booked = {
            op: (voucher, int(charge), int(uncollected))
            for op, voucher, charge, uncollected in world.rows(
                "select op, voucher_id, charge_micro, uncollected_micro from usage_now"
            )
        }
        world.model.check_booked(booked)
        if faults := world.trial_balance():
            raise Broken("G6 books", "; ".join(faults))
        check_purse(world)
        if parked := world.rows("select kind, op, reason from parked"):
            raise Broken("parked", str(parked[:3]))
    except Broken as broken:
        world.broke(broken)


def check_purse(world: World) -> None:
    """What the purse may still spend is what the books have left in its loan, and its sums are shown."""
    loans = world.rows(
        "select l.lane, l.n, l.voucher_id, l.lent_micro - l.posted_micro - l.returned_micro,"
        " f.charged_micro"
        " from loan l join lane_epoch e using (lane, n) join funds f using (voucher_id)"
        " where e.state = 'open'"
    )
    for lane, n, voucher, room, charged in loans:
        found = world.primary.data.values.get(f"{{{lane}}}:{n}:v:{voucher}".encode())
        if found is None:
            continue
        limit, spent, held, before, frozen = (
            int(found[word]) for word in (b"limit", b"spent", b"held", b"before", b"frozen")
        )
        if held or limit - spent != room:
            raise Broken(
                "purse and books",
                f"{voucher} in epoch {n}: the purse has {limit} - {spent}, {held} held; its loan {room}",
            )
        if (before + spent, frozen) != (charged, 0):
            raise Broken("shown", f"{voucher}: {before} + {spent} shown, {charged} charged, {frozen} frozen")
