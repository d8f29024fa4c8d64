"""Who is there when a test of the office begins."""

from __future__ import annotations

from typing import Final

from billing.database import Connection
from billing.secrets import Secrets
from portal import people
from tests.fakes.declared_world import COMPANY, PRODUCT, World, edited

COMPANIES: Final = (
    COMPANY
    + """\
  - {id: hanbit, name: 한빛소프트, brn: "2222222227", class: startup}
  - {id: saessak, name: 새싹, class: startup}
  - {id: dasom, name: 다솜, brn: "1118111112", class: sme}
"""
)
SECRET: Final = b"a master secret of the tests"
PROVIDERS: Final = edited(PRODUCT, "providers:\n", "providers:\n  - {id: other, name: 다른모델}\n")
PEOPLE: Final = {
    "operator": people.Person("operator@example.org", "operator"),
    "second": people.Person("second@example.org", "operator"),
    "third": people.Person("third@example.org", "operator"),
    "auditor": people.Person("auditor@example.org", "auditor"),
    "gaonde": people.Person("kim@gaonde.example", "company", company="gaonde"),
    "hanbit": people.Person("lee@hanbit.example", "company", company="hanbit"),
    "saessak": people.Person("na@saessak.example", "company", company="saessak"),
    "dasom": people.Person("do@dasom.example", "company", company="dasom"),
    "nuri": people.Person("bae@nuri.example", "provider", provider="nuri"),
    "other": people.Person("oh@other.example", "provider", provider="other"),
}


async def furnish(conn: Connection) -> None:
    """Providers, companies and people, unless they are there."""
    if await (await conn.execute("select 1 from person")).fetchone() is None:
        await World(conn, Secrets(SECRET)).apply(PROVIDERS + COMPANIES)
        for person in PEOPLE.values():
            await people.put(conn, person, password_hash=None)
