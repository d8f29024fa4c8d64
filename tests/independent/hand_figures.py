"""The figures of a small house's books, worked out on paper; `hand_bundle` makes rows of them.

    A   share 0.75, 750,000 won and 250,000 won, later 7,500 and 2,500 micro-won more
    B   share 0.90, 9 won and 1.000003 won: a line of 10.000001 won, on which 0.999999 won cannot be collected

Amounts are micro-won. `L` stands for the lane of the voucher's company.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

AT_MS: Final = 1_790_000_000_000
COMPANY: Final = {"A": "alpha", "B": "beta"}
PROVIDER: Final = {"nuri-x1": "nuri", "nuri-embed": "nuri", "hanbit-img": "hanbit"}
PRICE_FROM: Final = "2026-01-01T00:00:00+09:00"
WON: Final = 1_000_000

# Amounts: charge, government, self, uncollected, from loan, from free; cumulative.
# Counts: input, cached, cache write, cache write 1h, output, reasoning, audio in, audio out.
CALLS: Final = """
3 op-1  0 settled    A nuri-x1    300000 225000 75000 0 300000 0    100 40 0 0 30 10 0 0
3 op-2  0 settled    A nuri-embed 4 3 1 0 4 0                       10 0 0 0 0 0 0 0
3 op-3  0 settled    A nuri-embed 2 1 1 0 2 0                       7 0 0 0 0 0 0 0
3 op-b1 0 settled    B nuri-x1    5000000 4500000 500000 0 5000000 0 4000 0 0 0 0 0 0 0
4 op-4  0 settled    A nuri-x1    130875000000 98156250000 32718750000 0 130875000000 0 M M M M M 77 M M
4 op-5  0 settled    A hanbit-img 135012002 101259002 33753000 0 100000000 35012002 12 0 0 0 0 0 0 0
4 op-9  0 settled    A nuri-x1    0 0 0 0 0 0                       0 0 0 0 0 0 0 0
5 op-6  0 swept      A nuri-x1    60000 45000 15000 0 60000 0       20 0 0 0 7 0 0 0
5 op-7  0 settled    A nuri-x1    1250 937 313 0 1250 0             1 0 0 0 0 0 0 0
6 op-6  1 correction A nuri-x1    70000 52500 17500 0 60000 10000   20 0 0 0 9 0 0 0
6 op-8  0 settled    A nuri-x1    30000 22500 7500 0 30000 0        8 0 0 0 4 0 0 0
7 op-8  1 true_up    A nuri-x1    25000 18750 6250 0 30000 -5000    8 0 0 0 3 0 0 0
7 op-b2 0 settled    B nuri-x1    6000000 4500000 500001 999999 1 5000000 4800 0 0 0 0 0 0 0
"""
# How some of them came about:
#   op-1   100 × 1250 + 40 × 625 + 30 × 5000
#   op-2   10 × 0.35 = 3.5, half up: the voucher's line goes to 300,004
#   op-3   7 × 0.35 = 2.45
#   op-4   a million (M) of each class: 1250 + 625 + 1500 + 2500 + 5000 + 40,000 + 80,000 won
#   op-5   0.012 + 10 + 2 × 40 + 3 × 1.5 + 1.5 × 7.000001 + 30 won = 135,012,001.5 micro-won, half up
#   op-6   its gateway was taken for dead, and settled after all: 20 × 1250 + 9 × 5000
#   op-8   an estimate that the vendor's own count put right
#   op-9   the vendor failed; released
#   op-b2  6 won, of which the line has 5.000001 left
UNITS: Final = {"op-5": {"images": 2, "seconds": 3, "characters": 1500, "searches": 1}}
ESTIMATED: Final = {("op-6", "0"), ("op-8", "0")}
TOLD_MICRO: Final = {
    "op-1": 300_000,
    "op-2": 4,
    "op-3": 2,
    "op-b1": 5_000_000,
    "op-4": 130_875 * WON,
    "op-5": 135_012_002,
    "op-7": 1_250,
    "op-8": 30_000,
    "op-b2": 6_000_000,
}

# batch, kind, voucher, the lane's epoch; from, to, amount
MOVES: Final = """
2 grant    A - programme/p-2026/budget voucher/A/government    750000000000
2 deposit  A - company/alpha/deposits  voucher/A/self          250000000000
2 capacity A - voucher/A/line          voucher/A/free          1000000000000
2 lend     A 1 voucher/A/free          voucher/A/allotment/L.1 500000000000
2 grant    B - programme/p-2026/budget voucher/B/government    9000000
2 deposit  B - company/beta/deposits   voucher/B/self          1000003
2 capacity B - voucher/B/line          voucher/B/free          10000001
2 lend     B 1 voucher/B/free          voucher/B/allotment/L.1 5000001
8 grant    A - programme/p-2026/budget voucher/A/government    7500
8 deposit  A - company/alpha/deposits  voucher/A/self          2500
8 capacity A - voucher/A/line          voucher/A/free          10000
8 return   A 1 voucher/A/allotment/L.1 voucher/A/free          1000000
8 lend     A 2 voucher/A/free          voucher/A/allotment/L.2 333
"""

BALANCES: Final = {
    "company/alpha/deposits": -250_000_002_500,
    "company/beta/deposits": -1_000_003,
    "programme/p-2026/budget": -750_009_007_500,
    "provider/hanbit/payable": 135_012_002,
    "provider/nuri/payable": 130_886_396_256,
    "voucher/A/allotment/L.1": 499_999_000_000 - 130_975_391_256,
    "voucher/A/allotment/L.2": 333,
    "voucher/A/free": 500_000_000_000 - 35_012_002 - 10_000 + 5_000 + 10_000 + 1_000_000 - 333,
    "voucher/A/government": 750_000_007_500 - 98_257_806_193,
    "voucher/A/line": -1_000_000_010_000 + 131_010_408_258,
    "voucher/A/self": 250_000_002_500 - 32_752_602_065,
    "voucher/B/allotment/L.1": 0,
    "voucher/B/free": 0,
    "voucher/B/government": 0,
    "voucher/B/line": 0,
    "voucher/B/self": 2,
    "voucher/B/uncollected": -999_999,
}
FUNDS: Final = [
    "A alpha p-2026 750000 750000007500 250000002500 1000000010000 499965992665 131010408258 35017002 0 0",
    "B beta p-2026 900000 9000000 1000003 10000001 0 10000001 5000000 0 0",
]


# batch, kind, and the row; M: a million. Prices hold from PRICE_FROM, funds are of p-2026 and end much later.
_NONE: Final = "per_request=0 per_image=0 per_second=0 per_1000_characters=0 per_search=0"
DIRECTORY: Final = f"""
1 programme id=p-2026 budget_micro=5000000000M max_voucher_micro=300000000M starts_on=2026-01-01
1 programme_share programme_id=p-2026 class_name=sme share_ppm=750000
1 programme_share programme_id=p-2026 class_name=startup share_ppm=900000
1 programme_share programme_id=p-2026 class_name=midsize share_ppm=500000
1 programme_share_removed programme_id=p-2026 class_name=midsize share_ppm=500000
1 provider id=nuri name=누리모델
1 provider id=hanbit name=한빛
1 product id=nuri-x1 provider_id=nuri
1 product id=nuri-embed provider_id=nuri
1 product id=hanbit-img provider_id=hanbit
1 company id=alpha class_name=sme name=가온\\데이터
1 company id=beta class_name=startup name=나라
1 price product_id=nuri-x1 {_NONE} input=1250M cached_input=625M cache_write=1500M cache_write_1h=2500M \
  output=5000M input_audio=40000M output_audio=80000M
1 price product_id=nuri-embed {_NONE} input=350000 output=null
1 price product_id=hanbit-img input=1000M per_request=10M per_image=40M per_second=1500000 \
  per_1000_characters=7000001 per_search=30M
1 voucher id=A share_ppm=750000 government_micro=750000M self_micro=250000M
1 voucher id=B share_ppm=900000 government_micro=9000000 self_micro=1000003
2 funds voucher_id=A company_id=alpha share_ppm=750000 government_micro=750000M self_micro=250000M
2 funds voucher_id=B company_id=beta share_ppm=900000 government_micro=9000000 self_micro=1000003
8 voucher id=A share_ppm=750000 government_micro=750000007500 self_micro=250000002500
8 funds voucher_id=A company_id=alpha share_ppm=750000 government_micro=750000007500 self_micro=250000002500
"""


def directory(signer: str) -> list[tuple[int, str, dict[str, Any]]]:
    """(batch, kind, row) of each change; `signer`: the verifier key."""
    found: list[tuple[int, str, dict[str, Any]]] = [(1, "signer", {"key": signer})]
    for line in DIRECTORY.strip().splitlines():
        batch, kind, *words = line.split()
        row = {name: _value(text) for name, _, text in (word.partition("=") for word in words)}
        if kind == "price":
            row |= {"valid_from": PRICE_FROM, "valid_from_text": PRICE_FROM}
        if kind == "funds":
            lane = lane_of(str(row["company_id"]))
            row |= {"programme_id": "p-2026", "lane": lane, "ends_ms": AT_MS + 10**10, "state": "active"}
        found.append((int(batch), kind.replace("_removed", " removed"), row))
    return found


def _value(text: str) -> object:
    if text.removesuffix("M").isdecimal():
        return int(text.removesuffix("M")) * (WON if text.endswith("M") else 1)
    return None if text == "null" else text


def lane_of(company_id: str) -> int:
    return zlib.crc32(company_id.encode()) % 64
