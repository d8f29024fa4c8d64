"""At the end of the records: derived files, the vouchers' equations, grants against what was declared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from .books import ONE_PPM, Books
from .columns import Json, Row
from .findings import Report

_FIGURES = (
    "government_micro", "self_micro", "capacity_micro", "charged_micro", "direct_micro",
    "expired_government_micro", "expired_self_micro",
)  # fmt: skip


def check_balances(report: Report, books: Books, rows: Iterable[Row]) -> None:
    left = dict(books.balances)
    names = []
    for row in rows:
        report.count("balance")
        account = row.text("account")
        names.append(account.encode())
        report.same_micro(
            "balance", row.where, "balance_micro", left.pop(account, None), row["balance_micro"]
        )
    for account, balance in left.items():
        report.find("balance", ("balance.tsv", account), "(row)", expected=balance, found="no row")
    report.same("balance", ("balance.tsv", "-"), "order", sorted(set(names)), names)
    report.same_micro("balance", ("balance.tsv", "-"), "sum of all balances", 0, sum(books.balances.values()))


def check_funds(report: Report, books: Books, rows: Iterable[Row]) -> None:
    directory = books.directory
    left = {voucher_id for (voucher_id,) in directory.rows("funds")}
    names = []
    for row in rows:
        voucher_id = row.text("voucher_id")
        names.append(voucher_id.encode())
        report.count("funds")
        funds = directory.funds(voucher_id)
        if funds is None or voucher_id not in left:
            report.find(
                "funds", row.where, "voucher_id", expected="a voucher with funds, once", found=voucher_id
            )
            continue
        left.remove(voucher_id)
        _one_voucher(report, books, row, funds)
    for voucher_id in sorted(left):
        report.find("funds", ("funds.tsv", voucher_id), "(row)", expected="one", found="none")
    report.same("funds", ("funds.tsv", "-"), "order", sorted(names), names)


def _one_voucher(report: Report, books: Books, row: Row, funds: Json) -> None:
    voucher_id, sums = row.text("voucher_id"), books.sums[row.text("voucher_id")]
    for name in ("company_id", "programme_id", "share_ppm"):
        report.same("funds", row.where, name, funds.get(name), row.value(name))
    for name in _FIGURES:
        report.same_micro("funds", row.where, name, sums[name], row[name])
    free = books.balances.get(f"voucher/{voucher_id}/free", 0)
    report.same_micro("funds", row.where, "free_micro", free, row["free_micro"])
    start = f"voucher/{voucher_id}/allotment/"
    lent = sum(balance for account, balance in books.balances.items() if account.startswith(start))
    report.same_micro(
        "funds", row.where, "capacity_micro = free + lent + charged",
        free + lent + sums["charged_micro"], row["capacity_micro"],
    )  # fmt: skip
    reach = capacity_micro(row["government_micro"], row["self_micro"], row["share_ppm"])
    if not row["expired_government_micro"] and not row["expired_self_micro"]:
        report.same_micro(
            "funds", row.where, "capacity_micro by grant, deposit and share", reach, row["capacity_micro"]
        )
    elif row["capacity_micro"] > reach:
        report.same_micro("funds", row.where, "capacity_micro, at most", reach, row["capacity_micro"])
    for name in ("government_micro", "self_micro"):
        declared = funds.get(name)
        expected = declared if isinstance(declared, int) else None
        report.same_micro("funds", row.where, f"{name} of the latest funds change", expected, sums[name])


def capacity_micro(government_micro: int, self_micro: int, share_ppm: int) -> int:
    """The largest total whose government part fits the grant and whose own part fits the deposit."""
    low, high = 0, max(0, government_micro) + max(0, self_micro)
    while low < high:
        total = (low + high + 1) // 2
        government = total * share_ppm // ONE_PPM
        fits = government <= government_micro and total - government <= self_micro
        low, high = (total, high) if fits else (low, total - 1)
    return low


def check_declared(report: Report, books: Books) -> None:
    """Vouchers against their funds, shares against the programme's, grants against budget and cap."""
    directory = books.directory
    granted: Counter[str] = Counter()
    by_company: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (voucher_id,), funds in directory.rows("funds").items():
        report.count("directory")
        where = ("change.tsv", f"funds of {voucher_id}")
        programme_id, company_id = str(funds.get("programme_id")), str(funds.get("company_id"))
        amount = books.sums[voucher_id]["government_micro"]
        granted[programme_id] += amount
        by_company[programme_id, company_id] += amount
        voucher = directory.latest.get(("voucher", voucher_id), {})
        for name in ("share_ppm", "government_micro", "self_micro"):
            report.same("directory", where, f"{name} of its voucher", voucher.get(name), funds.get(name))
        shares = [
            share
            for class_name in directory.classes.get(company_id, set())
            for share in directory.shares.get((programme_id, class_name), set())
        ]
        if funds.get("share_ppm") not in shares:
            report.find(
                "directory",
                where,
                "share_ppm",
                expected=f"one of its programme's {sorted(shares)}",
                found=funds.get("share_ppm"),
            )
    _granted_one_day(report, books)
    for (programme_id,), programme in directory.rows("programme").items():
        _within(report, programme_id, "budget_micro", programme, granted[programme_id])
        for (of_programme, company_id), amount in by_company.items():
            if of_programme == programme_id:
                _within(report, f"{programme_id}, {company_id}", "max_voucher_micro", programme, amount)


def _granted_one_day(report: Report, books: Books) -> None:
    """Each funds change says what the voucher's entries had granted at some time."""
    for change in books.directory.funds_changes:
        row = change.json("row")
        for name in ("government_micro", "self_micro"):
            report.count("funds")
            amounts = books.granted[str(row.get("voucher_id")), name]
            if row.get(name) not in amounts:
                found = row.get(name)
                near = min(amounts, key=lambda amount: abs(amount - found) if isinstance(found, int) else 0)
                report.same_micro("funds", change.where, f"{name}, granted one day", near, _whole(found))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _within(report: Report, name: str, limit: str, programme: Json, granted: int) -> None:
    most = programme.get(limit)
    report.count("directory")
    if isinstance(most, int) and granted > most:
        report.same_micro(
            "directory", ("change.tsv", f"programme {name}"), f"granted, at most its {limit}", most, granted
        )
