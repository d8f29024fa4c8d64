"""The rows of the house whose figures are in `hand_figures`, and its vendor's and clients' logs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from tests.independent.hand_bundle import COLUMNS, Cells, HandBundle
from tests.independent.hand_figures import (
    AT_MS,
    BALANCES,
    CALLS,
    COMPANY,
    ESTIMATED,
    FUNDS,
    MOVES,
    PRICE_FROM,
    PROVIDER,
    TOLD_MICRO,
    UNITS,
    WON,
    directory,
    lane_of,
)
from tests.independent.hand_seal import KEY, as_json, escaped, verifier_key

_AMOUNTS: Final = ("charge", "government", "self", "uncollected", "from_loan", "from_free")
_COUNTS: Final = (
    "input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "input_audio_tokens", "output_audio_tokens",
)  # fmt: skip
Entries = defaultdict[tuple[str, str, str, str], int]


def _cells(row: Mapping[str, object]) -> Cells:
    return {name: _as_text(value) for name, value in row.items()}


def _as_text(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def made_by_hand() -> HandBundle:
    made = HandBundle({table: [] for table in COLUMNS})
    entries: Entries = defaultdict(lambda: 100 + len(entries))
    _usage(made, entries)
    _entries(made, entries)
    for number, (batch, kind, row) in enumerate(directory(verifier_key(KEY)), 1):
        made.rows["change"].append(_cells({"batch": batch, "id": number, "kind": kind, "row": as_json(row)}))
    parked = {
        "batch": 5, "lane": 3, "stream_id": "1790000000000-0", "kind": "settled", "op": "op-x",
        "reason": "voucher of\tanother", "payload_sha256": "ab" * 32,
    }  # fmt: skip
    made.rows["parked"].append({**_cells(parked), "reason": escaped(str(parked["reason"]))})
    for account, balance in BALANCES.items():
        made.rows["balance"].append(_cells({"account": _with_lane(account), "balance_micro": balance}))
    made.rows["balance"].sort(key=lambda row: row["account"].encode())
    for line in FUNDS:
        made.rows["funds"].append(dict(zip(COLUMNS["funds"].split(), line.split(), strict=True)))
    _logs(made)
    return made


def _usage(made: HandBundle, entries: Entries) -> None:
    before: dict[str, list[int]] = {}
    for line in CALLS.strip().splitlines():
        batch, op, step, kind, voucher, product, *numbers = line.split()
        amounts = [int(number) for number in numbers[:6]]
        counts = [WON if number == "M" else int(number) for number in numbers[6:]]
        d = [now - was for now, was in zip(amounts, before.get(op, [0] * 6), strict=True)]
        before[op] = amounts
        purpose = "usage" if step == "0" else "correction"
        moved = {
            "batch": batch,
            "op": op,
            "step": step,
            "entry_id": entries[batch, voucher, PROVIDER[product], purpose] if any(d) else None,
            "kind": kind,
            "voucher_id": voucher,
            **{f"{name}_micro": amount for name, amount in zip(_AMOUNTS, amounts, strict=True)},
            **{f"d_{name}_micro": amount for name, amount in zip(_AMOUNTS, d, strict=True)},
            **dict(zip(_COUNTS, counts, strict=True)),
        }
        called = _called(op, voucher, product, AT_MS + int(batch))
        made.rows["usage"].append(_cells({**moved, **called, "estimated": (op, step) in ESTIMATED}))


def _called(op: str, voucher: str, product: str, at_ms: int) -> dict[str, object]:
    company = COMPANY[voucher]
    return {
        "lane": lane_of(company),
        "n": 1,
        "programme_id": "p-2026",
        "own_micro": 0,
        "company_id": company,
        "provider_id": PROVIDER[product],
        "product_id": product,
        "key_id": f"{company}/backend",
        "api_key": "backend",
        "tag": None,
        "request_id": f"r-{op}",
        "gateway_id": "g0",
        "dialect": "openai",
        "stream": False,
        "status": "released" if op == "op-9" else "settled",
        "end_reason": "upstream_error" if op == "op-9" else "completed",
        "client_gone": False,
        "error": None,
        "started_ms": at_ms,
        "held_at_ms": at_ms,
        "finished_ms": at_ms + 50,
        "price_entry": f"{product}@{PRICE_FROM}",
        "price_from": PRICE_FROM,
        "upstream": "u",
        "upstream_request_id": f"v-{op}",
        "units": json.dumps(UNITS.get(op, {})),
    }


def _entries(made: HandBundle, entries: Entries) -> None:
    found: list[tuple[int, int, Cells, dict[str, int]]] = []  # batch, id, entry, postings
    for number, line in enumerate(MOVES.strip().splitlines(), 1):
        batch, kind, voucher, n, giver, taker, amount = line.split()
        lane, epoch = (None, None) if n == "-" else (lane_of(COMPANY[voucher]), n)
        head = {"kind": kind, "voucher_id": voucher, "provider_id": None, "lane": lane, "n": epoch}
        legs = {giver: -int(amount), taker: int(amount)}
        found.append((int(batch), number if batch == "2" else 200 + number, _cells(head), legs))
    for (batch, voucher, provider, kind), entry_id in entries.items():
        lane = lane_of(COMPANY[voucher])
        head = {"kind": kind, "voucher_id": voucher, "provider_id": provider, "lane": lane, "n": None}
        found.append((int(batch), entry_id, _cells(head), _legs(made, entry_id, voucher, provider)))
    for number, entry_id, cells, legs in sorted(found, key=lambda one: one[:2]):
        entry = {"batch": str(number), "id": str(entry_id), "programme_id": "p-2026", **cells}
        made.rows["entry"].append(entry)
        for leg, (account, amount_micro) in enumerate(legs.items()):
            posting = {"batch": number, "entry_id": entry_id, "leg": leg, "account": _with_lane(account)}
            made.rows["posting"].append(_cells({**posting, "amount_micro": amount_micro}))


def _legs(made: HandBundle, entry_id: int, voucher: str, provider: str) -> dict[str, int]:
    """What the calls of an entry move, by account."""
    legs: defaultdict[str, int] = defaultdict(int)
    for row in made.rows["usage"]:
        if row["entry_id"] == str(entry_id):
            for name, account, sign in (
                ("government", f"voucher/{voucher}/government", -1),
                ("self", f"voucher/{voucher}/self", -1),
                ("uncollected", f"voucher/{voucher}/uncollected", -1),
                ("charge", f"provider/{provider}/payable", 1),
                ("from_loan", f"voucher/{voucher}/line", 1),
                ("from_free", f"voucher/{voucher}/line", 1),
                ("from_loan", f"voucher/{voucher}/allotment/L.1", -1),
                ("from_free", f"voucher/{voucher}/free", -1),
            ):
                legs[account] += sign * int(row[f"d_{name}_micro"])
    return {account: amount for account, amount in legs.items() if amount}


def _with_lane(account: str) -> str:
    parts = account.split("/")
    return account.replace("/L.", f"/{lane_of(COMPANY[parts[1]])}.") if "/L." in account else account


def _logs(made: HandBundle) -> None:
    last = {row["op"]: row for row in made.rows["usage"]}
    for op, row in last.items():
        is_served, told = op != "op-9", TOLD_MICRO.get(op)
        called = {"call_id": f"v-{op}", "request_id": f"r-{op}", "path": "/v1/chat/completions"}
        usage = _as_billed({name: int(row[name]) for name in _COUNTS}) if is_served else None
        made.vendor.append({**called, "ended": "complete" if is_served else "fault", "usage": usage})
        invoked = {"request_id": f"r-{op}", "operation": f"o-{op}", "company": row["company_id"]}
        made.clients.append({"line": "invoke", **invoked, "product": row["product_id"], "at_ms": AT_MS})
        ended = {"request_id": f"r-{op}", "at_ms": AT_MS + 1000, "code": None, "charge_micro": told}
        verdict = "ok" if told is not None else "unknown" if is_served else "fail"
        status = {"ok": 200, "unknown": 0, "fail": 502}[verdict]
        usage_id = op if is_served else None
        made.clients.append(
            {"line": "end", **ended, "verdict": verdict, "status": status, "usage_id": usage_id}
        )


def _as_billed(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "prompt_tokens": sum(counts[name] for name in (*_COUNTS[:4], "input_audio_tokens")),
        "completion_tokens": counts["output_tokens"] + counts["output_audio_tokens"],
        "prompt_tokens_details": {
            "cached_tokens": counts["cached_input_tokens"],
            "audio_tokens": counts["input_audio_tokens"],
            "cache_write_tokens": counts["cache_write_tokens"],
            "cache_write_1h_tokens": counts["cache_write_1h_tokens"],
        },
        "completion_tokens_details": {
            "reasoning_tokens": counts["reasoning_tokens"],
            "audio_tokens": counts["output_audio_tokens"],
        },
    }
