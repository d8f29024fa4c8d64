"""The tables of the pages. Each is one query, with the columns that say whose a row is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from billing.casework import agreements
from billing.lifecycle import agreement, amendment, application, job, own_fund, programme, round
from portal.web.view import Column, Filter, View

# What a voucher's posted total takes of each source: metering.shares, in SQL.
_SPENT_GOVERNMENT: Final = "floor(f.charged_micro::numeric * f.share_ppm / 1000000)::bigint"


def _states(thing: str, states: tuple[str, ...]) -> tuple[Filter, ...]:
    return (Filter("state", "state", "choice", states, thing=thing),)


PROGRAMMES: Final = View(
    caption="nav.programmes",
    query=(
        "select p.id, p.name, l.state, p.starts_on, p.ends_on, p.budget_micro,"  # noqa: S608 - constants
        " coalesce(sum(f.government_micro), 0)::bigint as granted_micro,"
        f" coalesce(sum({_SPENT_GOVERNMENT}), 0)::bigint as spent_government_micro,"
        " coalesce(sum(f.expired_government_micro), 0)::bigint as returned_micro"
        " from programme p join programme_life l on l.programme_id = p.id"
        " left join funds f on f.programme_id = p.id group by p.id, l.state"
    ),
    columns=(
        Column("name", sorts=True, link="/programmes/{id}"),
        Column("state", "state", thing="programme"),
        Column("ends_on", "day", sorts=True),
        Column("budget_micro", "amount", sorts=True, total=True),
        Column("granted_micro", "amount", sorts=True, total=True),
        Column("spent_government_micro", "amount", sorts=True, total=True),
        Column("returned_micro", "amount", total=True),
    ),
    order="-ends_on",
    filters=_states("programme", tuple(programme.TABLE.states)),
)
PROGRAMMES_TRACED: Final = replace(
    PROGRAMMES,
    caption="nav.trace",
    columns=(replace(PROGRAMMES.columns[0], link="/trace/programmes/{id}"), *PROGRAMMES.columns[1:]),
)
_ROUND_COLUMNS: Final = (
    Column("name", sorts=True, link="/rounds/{id}"),
    Column("state", "state", thing="round"),
    Column("programme_name", link="/programmes/{programme_id}"),
    Column("opens_at", "instant", sorts=True),
    Column("closes_at", "instant", sorts=True),
    Column("budget_micro", "amount", sorts=True),
    Column("cap_micro", "amount"),
)
_ROUNDS: Final = (
    "select r.id, r.name, r.state, r.programme_id, p.name as programme_name, r.opens_at, r.closes_at,"
    " r.budget_micro, r.cap_micro, (select count(*) from application a where a.round_id = r.id"
    " and a.state not in ('draft', 'withdrawn'))::bigint as applications"
    " from round r join programme p on p.id = r.programme_id"
)
_ROUND_STATES: Final = _states("round", tuple(round.TABLE.states))
ROUNDS: Final = View("nav.rounds", _ROUNDS, _ROUND_COLUMNS, "-closes_at", _ROUND_STATES)
ROUNDS_INSIDE: Final = View(
    "nav.rounds", _ROUNDS, (*_ROUND_COLUMNS, Column("applications", "number")), "-closes_at", _ROUND_STATES
)
APPLICATIONS: Final = View(
    caption="nav.applications",
    query=(
        "select a.id, a.title, a.state, a.round_id, r.name as round_name, a.company_id,"
        " c.name as company_name, a.government_micro, coalesce(a.award_micro, 0) as award_micro,"
        " a.submitted_at from application a join round r on r.id = a.round_id"
        " join company c on c.id = a.company_id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/applications/{id}"),
        Column("title"),
        Column("company_name", sorts=True),
        Column("state", "state", thing="application"),
        Column("round_name", link="/rounds/{round_id}"),
        Column("submitted_at", "instant"),
        Column("government_micro", "amount", sorts=True, total=True),
        Column("award_micro", "amount", sorts=True, total=True),
    ),
    order="-id",
    filters=_states("application", tuple(application.TABLE.states)),
)
EVALUATIONS: Final = View(
    caption="evaluations",
    query=(
        "select lpad(e.id::text, 20, '0') as id, e.application_id, e.evaluator, e.comment, e.at,"
        " (select trim_scale(sum(value::numeric) / 1000)::text from jsonb_each_text(e.milli)) as points"
        " from evaluation e"
    ),
    columns=(
        Column("evaluator"),
        Column("points"),
        Column("comment"),
        Column("at", "instant"),
    ),
    order="-id",
)
AGREEMENTS: Final = View(
    caption="nav.agreements",
    query=f"select g.*, c.name as company_name from ({agreements.FIND}) g"  # noqa: S608 - a constant
    " join company c on c.id = g.company_id",
    columns=(
        Column("id", "id", sorts=True, link="/agreements/{id}"),
        Column("company_name", sorts=True),
        Column("state", "state", thing="agreement"),
        Column("starts_on", "day"),
        Column("ends_on", "day", sorts=True),
        Column("government_micro", "amount", sorts=True, total=True),
        Column("self_cash_micro", "amount", sorts=True, total=True),
        Column("voucher_id", "id", link="/vouchers/{voucher_id}"),
    ),
    order="-id",
    filters=_states("agreement", tuple(agreement.TABLE.states)),
)
AMENDMENTS: Final = View(
    caption="nav.amendments",
    query="select m.id, m.agreement_id, m.state, m.reason, m.created_at, g.company_id from amendment m"
    " join agreement g on g.id = m.agreement_id",
    columns=(
        Column("id", "id", link="/amendments/{id}"),
        Column("agreement_id", "id", link="/agreements/{agreement_id}"),
        Column("state", "state", thing="amendment"),
        Column("reason"),
        Column("created_at", "instant"),
    ),
    order="-id",
    filters=_states("amendment", tuple(amendment.TABLE.states)),
)
VOUCHERS: Final = View(
    caption="nav.vouchers",
    query=(
        "select v.id, v.company_id, c.name as company_name, v.programme_id, p.name as programme_name,"  # noqa: S608 - constants
        " coalesce(v.ends_on, p.ends_on) as ends_on, v.government_micro, v.self_micro,"
        " coalesce(f.charged_micro, 0) as spent_micro,"
        " coalesce(f.expired_government_micro + f.expired_self_micro, 0) as returned_micro,"
        " case when f.state <> 'ended' and f.ends_ms > extract(epoch from now()) * 1000"
        " then f.capacity_micro - f.charged_micro else 0 end as spendable_micro,"
        " case when s.state in ('settled', 'closed', 'erased') then 'done' when s.id is not null then 'begun'"
        f" when v.programme_id = '{own_fund.PROGRAMME}' then null"  # nothing of it is the agency's
        " when f.state = 'ended' or f.ends_ms <= extract(epoch from now()) * 1000 then 'due' end as settled"
        " from voucher v join company c on c.id = v.company_id join programme p on p.id = v.programme_id"
        " left join funds f on f.voucher_id = v.id left join settlement s on s.voucher_id = v.id"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/vouchers/{id}"),
        Column("company_name", sorts=True),
        Column("programme_name", link="/programmes/{programme_id}"),
        Column("ends_on", "day", sorts=True),
        Column("government_micro", "amount", sorts=True, total=True),
        Column("self_micro", "amount", sorts=True, total=True),
        Column("spent_micro", "amount", sorts=True, total=True),
        Column("returned_micro", "amount", total=True),
        Column("spendable_micro", "amount", sorts=True, total=True),
        Column("settled", "word", empty="blank"),
    ),
    order="ends_on",
    filters=(Filter("settled", "settled", "choice", ("due", "begun", "done")),),
)
KEY: Final = (
    "k.name as key_name, k.company_id, '…' || k.last_characters as last_characters,"
    " k.products, k.created_at, k.expires_at,"
    " case when k.revoked then 'revoked' when k.suspended then 'suspended'"
    " when k.expires_at <= now() then 'expired' else 'active' end as state from api_key k"
)
KEY_COLUMNS: Final = (
    Column("last_characters", "id"),
    Column("state", "state", thing="api_key"),
    Column("products", "list"),
    Column("created_at", "instant", sorts=True),
    Column("expires_at", "instant"),
)
KEYS: Final = View(
    caption="nav.keys",
    query=f"select k.name as id, {KEY}",
    columns=(Column("key_name", "id", link="/keys/{id}"), *KEY_COLUMNS),
    order="-created_at",
)
JOBS: Final = View(
    caption="nav.jobs",
    query=(
        "select j.id, array[j.kind] as job_kind, j.state, j.subject, j.person, j.asked_at, j.ended_at,"
        " j.provider_id,"
        " case when j.whole > 0 then j.done || ' / ' || j.whole when j.done > 0 then j.done::text end"
        " as progress from job j"
    ),
    columns=(
        Column("id", "id", sorts=True, link="/jobs/{id}"),
        Column("job_kind", "list"),
        Column("subject"),
        Column("state", "state", thing="job"),
        Column("progress"),
        Column("person"),
        Column("asked_at", "instant", sorts=True),
        Column("ended_at", "instant"),
    ),
    order="-id",
    filters=_states("job", tuple(job.TABLE.states)),
)
JOBS_OF_PROVIDER: Final = replace(
    JOBS, columns=tuple(column for column in JOBS.columns if column.name != "person")
)
