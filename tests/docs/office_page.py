"""What the documents say of the lifecycle and of the office API, made of the code.

`python -m tests.docs.office_page` writes it into the pages anew, between their marks.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import FastAPI

from billing.lifecycle.table import Allow, Guard, Step, Table
from billing.lifecycle.tables import TABLES
from portal.api import api
from tests.docs.pages import ROOT, Row

LIFECYCLE: Final = "docs/concepts/lifecycle.md"
OFFICE_API: Final = "docs/reference/office-api.md"


def who(allowed: tuple[Allow, ...]) -> str:
    names = [one.role + (" (own)" if one.relation == "own" else "") for one in allowed]
    return ", ".join(names) or "the clock"


def step_row(step: Step[Any]) -> Row:
    conditions = [guard.name for guard in step.guards] + ["reason_required"] * step.needs_reason
    return {
        "action": f"`{step.action}`",
        "from": ", ".join(f"`{state}`" for state in step.sources) or "(new)",
        "to": "(stays)" if step.target is None else f"`{step.target}`",
        "who": who(step.allow),
        "refused as": ", ".join(f"`{name}`" for name in conditions),
    }


def guards() -> dict[str, set[str]]:
    """Every condition's name with its sentences."""
    found: dict[str, set[str]] = {}
    for table in TABLES:
        for step in table.steps:
            for guard in step.guards:
                found.setdefault(guard.name, set()).add(_sentence(guard))
    return found


def _sentence(guard: Guard[Any]) -> str:
    return guard.english


def routes() -> list[Row]:
    app = FastAPI()
    api.mount(app)
    return [
        {
            "route": f"`{method.upper()} {path}`",
            "who": who(tuple(Allow(one["role"], one["relation"]) for one in operation["x-allow"])),
            "what": operation["summary"],
        }
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def table_of(rows: list[Row]) -> str:
    heads = list(rows[0])
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---'] * len(heads))}|"]
    lines += [f"| {' | '.join(row[head].strip() for head in heads)} |" for row in rows]
    return "\n".join(lines) + "\n"


def lives() -> str:
    return "\n".join(_life(table) for table in TABLES)


def _life(table: Table[Any]) -> str:
    states = ", ".join(f"`{state}` ({korean})" for state, korean in table.states.items())
    steps = table_of([step_row(step) for step in table.steps])
    name = table.thing.capitalize().replace("_", " ")
    return f"### {name} ({table.korean})\n\nStates: {states}.\n\n{steps}"


def conditions() -> str:
    return table_of(
        [{"code": f"`{name}`", "said": " / ".join(sorted(said))} for name, said in sorted(guards().items())]
    )


def routes_table() -> str:
    return table_of(routes())


PARTS: Final = {
    (LIFECYCLE, "lives"): lives,
    (LIFECYCLE, "conditions"): conditions,
    (OFFICE_API, "routes"): routes_table,
}


def marked(page: str, part: str, text: str) -> str:
    """The page's text with the part between its marks replaced."""
    mark = re.compile(rf"(<!-- {part}: .*? -->\n).*?(<!-- end of {part} -->)", re.DOTALL)
    assert mark.search(text), f"{page} has no marks for {part}"
    made = PARTS[page, part]()
    return mark.sub(lambda found: f"{found[1]}\n{made}\n{found[2]}", text)


def main() -> None:
    for page, part in PARTS:
        path = ROOT / page
        path.write_text(marked(page, part, path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
