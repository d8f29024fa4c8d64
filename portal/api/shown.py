"""The answers of the API as models: what the OpenAPI document promises, and tests hold every answer against.

Answers are made by portal.api.show; nothing is checked while serving. Won are decimal strings, instants UTC.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Page(Shown, Generic[T]):
    data: list[T]
    next_cursor: str | None


class ShareChanged(Shown):
    class_: str = Field(alias="class")
    from_day: str = Field(alias="from")
    share: str


class ProgrammeShown(Shown):
    id: str
    name: str
    state: str
    legal_basis: str | None
    budget_krw: str
    max_voucher_krw: str
    company_year_cap_krw: str | None
    deposit_rule: str
    starts_on: str
    ends_on: str
    shares: dict[str, str]
    share_changes: list[ShareChanged]


class CompanyShown(Shown):
    id: str
    name: str
    brn: str | None
    class_: str = Field(alias="class")
    data_locations: list[str] | None
    active: bool
    state: str


class VoucherShown(Shown):
    id: str
    company: str
    programme: str
    agreement: str | None
    state: str
    class_: str = Field(alias="class")
    share: str
    government_krw: str
    self_deposit_krw: str
    spent_krw: str
    returned_government_krw: str
    returned_self_krw: str
    claimed_krw: str | None
    starts_on: str
    ends_on: str
    products: list[str]


class LimitsShown(Shown):
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    krw_per_day: str | None = None
    concurrent: int | None = None


class ApiKeyShown(Shown):
    id: str
    company: str
    name: str
    last_characters: str
    products: list[str]
    expires_at: str | None
    allowed_ips: list[str] | None
    limits: LimitsShown
    revoked: bool
    state: str
    created_at: str


class MadeApiKey(ApiKeyShown):
    """The only answer that ever shows the key."""

    key: str


class UserShown(Shown):
    id: str
    email: str
    role: str
    company: str | None
    provider: str | None
    has_password: bool
    disabled: bool


class InvitedUser(UserShown):
    """The link sets a password, once; null where the password came with the request."""

    link: str | None


class TrackShown(Shown):
    id: str
    name: str
    quota: int | None


class CriterionShown(Shown):
    id: str
    name: str
    max_points: str


class BonusShown(Shown):
    id: str
    name: str
    points: str


class Competition(Shown):
    """`applied` to `selected` in lowest terms; `text` with two places."""

    applied: int
    selected: int
    text: str


class RoundResult(Shown):
    applied: int
    scored: int
    selected: int
    competition: Competition | None
    awarded_krw: str


class RoundShown(Shown):
    id: str
    programme: str
    name: str
    state: str
    budget_kind: str
    budget_krw: str
    cap_krw: str
    opens_at: str
    closes_at: str
    quota: int | None
    classes: list[str] | None
    tracks: list[TrackShown]
    criteria: list[CriterionShown]
    bonuses: list[BonusShown]
    bonus_points_max: str | None
    evaluators_min: int
    mean: str
    pass_mark: str
    ties: list[str]
    beyond_budget: str
    result: RoundResult | None


class RankedShown(Shown):
    application: str
    company: str
    government_krw: str
    rank: int
    score: str
    score_before_bonus: str
    tie: str | None
    tie_ko: str | None


class Outcome(Shown):
    """A rejection before the ranking has a reason only; ties are for the agency and its auditors."""

    why: str | None
    why_ko: str | None = None
    rank: int | None = None
    score: str | None = None
    score_before_bonus: str | None = None
    tie: str | None = None
    tie_ko: str | None = None


class ApplicationShown(Shown):
    id: str
    round: str
    company: str
    state: str
    title: str
    plan: str
    track: str | None
    class_: str = Field(alias="class")
    government_krw: str
    self_cash_krw: str
    self_in_kind_krw: str
    products: list[str]
    bonuses: list[str]
    granted_bonuses: list[str] | None
    submitted_at: str | None
    outcome: Outcome | None
    award_krw: str | None
    voucher: str | None


class DocumentShown(Shown):
    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    person: str
    at: str


class EvaluationShown(Shown):
    id: str
    application: str
    evaluator: str
    points: dict[str, str]
    total: str
    comment: str
    at: str


class _Terms(Shown):
    starts_on: str
    ends_on: str
    government_krw: str
    self_cash_krw: str
    self_in_kind_krw: str
    products: list[str]


class TermsShown(_Terms):
    version: int


class AgreementShown(_Terms):
    id: str
    application: str
    programme: str
    company: str
    state: str
    class_: str = Field(alias="class")
    share: str
    version: int
    voucher: str | None
    signed_at: str | None


class TermsChanged(Shown):
    starts_on: str | None = None
    ends_on: str | None = None
    government_krw: str | None = None
    self_cash_krw: str | None = None
    self_in_kind_krw: str | None = None
    products: list[str] | None = None


class AmendmentShown(Shown):
    id: str
    agreement: str
    state: str
    changes: TermsChanged
    reason: str
    created_at: str


class StepShown(Shown):
    action: str
    from_state: str | None = Field(alias="from")
    to: str
    person: str | None
    role: str
    reason: str | None
    detail: dict[str, Any]
    request_id: str
    at: str
