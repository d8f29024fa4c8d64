"""Where a job stands for a person."""

from __future__ import annotations

from billing.casework.deeds import Deed
from billing.casework.offers import House, Offered, open_steps
from billing.database import Connection
from billing.jobs import store as jobs
from billing.lifecycle import job


async def of_job(conn: Connection, job_id: str, deed: Deed, _: House) -> list[Offered]:
    row = await jobs.find(conn, job_id)
    facts = jobs.facts_of(row, deed.actor)
    return open_steps(job.TABLE, row["state"], facts, deed, provider=row["provider_id"])
