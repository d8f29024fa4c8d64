"""What the law and the programme ask at the end: rules with a day from which they hold, and their source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from billing.casework.deeds import Deed, log_step
from billing.casework.rows import Row, row_of, rows_of
from billing.database import Connection
from billing.lifecycle.table import Refused

RuleName = Literal[
    "verification_from_micro",
    "audit_from_micro",
    "retention_years",
    "objection_days",
    "surcharge_times_max",
    "cost_item",
    "cost_detail",
    "payment_method",
    "purpose",
]
OF_TEXT: Final = frozenset({"cost_item", "cost_detail", "payment_method", "purpose"})
YEARS_MAX: Final = 100

FIND: Final = (
    "select lpad(r.id::text, 20, '0') as id, r.programme_id, r.name, r.subject, r.from_day, r.number, r.text,"
    " r.source, r.person, r.at from settlement_rule r"
)


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    from_day: date
    number: int | None
    text: str | None
    source: str
    programme_id: str | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Those that hold for one programme on one day."""

    held: Mapping[tuple[str, str], Rule]

    def number(self, name: RuleName) -> int | None:
        rule = self.held.get((name, ""))
        return None if rule is None else rule.number

    def text(self, name: RuleName, subject: str = "") -> str | None:
        rule = self.held.get((name, subject)) or self.held.get((name, ""))
        return None if rule is None else rule.text

    def verification_needed(self, government_micro: int) -> Literal["external", "audit"] | None:
        for name, kind in (("audit_from_micro", "audit"), ("verification_from_micro", "external")):
            least = self.number(name)  # type: ignore[arg-type] # one of two names
            if least is not None and government_micro >= least:
                return kind  # type: ignore[return-value]
        return None

    def kept_until(self, ended_on: date) -> date | None:
        """None: nobody said for how long, so for good."""
        years = self.number("retention_years")
        return None if years is None else years_after(ended_on, years)


def years_after(day: date, years: int) -> date:
    """The same day of a later year; 29 February is the last of February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def rules_on(day: date, programme_id: str, rules: Iterable[Rule]) -> Rules:
    """Of each name and subject the latest that has begun; a programme's own goes before the general one."""
    held: dict[tuple[str, str], Rule] = {}
    known = (rule for rule in rules if rule.from_day <= day and rule.programme_id in (None, programme_id))
    for rule in sorted(known, key=lambda rule: (rule.programme_id is not None, rule.from_day)):
        held[rule.name, rule.subject] = rule
    return Rules(held)


async def rules_of(conn: Connection, programme_id: str, day: date) -> Rules:
    found = await rows_of(
        conn,
        "select name, from_day, number, text, source, programme_id, subject from settlement_rule"
        " where from_day <= %s and (programme_id is null or programme_id = %s) order by id",
        [day, programme_id],
    )
    return rules_on(day, programme_id, [Rule(**row) for row in found])


async def add(conn: Connection, values: Mapping[str, Any], *, deed: Deed) -> Row:
    """A rule from a day on; the one before stays for the days before. -> its row."""
    name, number, text = values["name"], values["number"], values["text"]
    is_sound = (text is None) != (number is None) and (name in OF_TEXT) == (number is None)
    if not is_sound or (name == "retention_years" and not 0 <= number <= YEARS_MAX):
        raise Refused("invalid", "The rule's value does not fit its name.", "규칙의 값이 올바르지 않습니다.")
    programme_id = values["programme_id"]
    if programme_id is not None:
        await row_of(conn, "select 1 from programme where id = %s", [programme_id])
    names = ("programme_id", "name", "subject", "from_day", "number", "text", "source")
    made = await row_of(
        conn,
        f"insert into settlement_rule ({', '.join(names)}, person) values"  # noqa: S608 - constants
        " (%s, %s, %s, %s, %s, %s, %s, %s) returning lpad(id::text, 20, '0') as id",
        [*(values[one] for one in names), deed.actor.person],
    )
    made_id: str = made["id"]
    await log_step(conn, "settlement_rule", "add", deed=deed, thing_id=made_id, before=None, after="added")
    return await row_of(conn, f"select * from ({FIND}) r where id = %s", [made_id])  # noqa: S608
