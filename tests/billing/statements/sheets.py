"""A statement with something of everything on it, for tests of its files."""

from __future__ import annotations

from billing.statements.amounts import Amounts
from billing.statements.lines import Account, LedgerSum, lines_of
from billing.statements.month import Month
from billing.statements.statement import Directory, Party, Statement, Subject, SubjectKind, statement_of

OCTOBER = Month(2026, 10)
GAONDE = Account("ai-2026", "gaonde", "gaonde-2026", "nuri")
SECOND = Account("ai-2026", "gaonde", "gaonde-old", "other")
HANBIT = Account("ai-2026", "hanbit", "hanbit-2026", "nuri")
DIRECTORY = Directory(
    companies={
        "gaonde": Party("gaonde", "가온데이터", "1111111119"),
        "hanbit": Party("hanbit", "=HYPERLINK(1) #[한빛]$x$", None),
    },
    providers={"nuri": Party("nuri", "누리모델", "1118111112"), "other": Party("other", "다른모델", None)},
    programmes={"ai-2026": "초거대 AI API 활용 지원"},
    shares_ppm={"gaonde-2026": 700_000, "gaonde-old": 700_000, "hanbit-2026": 800_000},
)
SUMS = [
    LedgerSum(GAONDE, "nuri-x1", "usage", OCTOBER, 41_234, Amounts(1_260_000_000_000, 540_000_000_000)),
    LedgerSum(GAONDE, "nuri-x2", "usage", OCTOBER, 7, Amounts(161_250, 53_750)),
    LedgerSum(GAONDE, "nuri-x1", "usage", OCTOBER.before(), 2, Amounts(700_490_000, 300_210_000, 5, 250_000)),
    LedgerSum(GAONDE, "nuri-x1", "correction", OCTOBER.before(), 0, Amounts(-70_000_001, -30_000_000)),
    LedgerSum(SECOND, "other-large", "usage", OCTOBER, 12, Amounts(7_000_000, 3_000_000)),
    LedgerSum(HANBIT, "nuri-x1", "usage", OCTOBER, 900, Amounts(12_400_000_000_000, 3_100_000_000_000)),
]
CARRIED = {GAONDE: Amounts(800_000, 450_000)}


def made(kind: SubjectKind, subject_id: str, *, more: list[LedgerSum] | None = None) -> Statement:
    lines = lines_of(OCTOBER, SUMS + (more or []), CARRIED)
    return statement_of(Subject(kind, subject_id), OCTOBER, "provisional", lines, DIRECTORY)
