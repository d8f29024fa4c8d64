"""A product's life: its provider's draft, reviewed by the agency, sold, suspended, withdrawn.

What a declaration or the agency itself makes is on sale at once; the conditions are for what a provider asks
the agency to sell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.lifecycle.table import OPERATOR, OWN_PROVIDER, Guard, Step, Table


@dataclass(frozen=True, slots=True)
class Facts:
    provider_state: str = "approved"
    upstreams: int = 0
    has_safe_upstreams: bool = False  # https, but where an installation takes its own network's vendors
    credentials: int = 0  # upstreams that have one
    prices: int = 0
    data_location: str | None = None
    trains_on_input: bool | None = None
    retention_days: int | None = None
    context_tokens: int = 0
    max_output_tokens: int = 0
    has_output: bool = True  # tokens of output, as a chat has
    suspended_by: str | None = None  # agency | provider
    is_agency: bool = False  # who takes the step


PROVIDER_THERE: Final = Guard[Facts](
    "provider_ended",
    "The provider has ended.",
    "종료된 공급기업입니다.",
    lambda facts: facts.provider_state != "ended",
)
PROVIDER_APPROVED: Final = Guard[Facts](
    "provider_not_approved",
    "The provider is not approved, or is suspended.",
    "승인되지 않았거나 정지된 공급기업입니다.",
    lambda facts: facts.provider_state == "approved",
)
HAS_LIMITS: Final = Guard[Facts](
    "limits_missing",
    "The most input and output tokens of a call are needed.",
    "입력·출력 토큰 한도를 입력해 주세요.",
    lambda facts: facts.context_tokens > 0 and (facts.max_output_tokens > 0 or not facts.has_output),
)
HAS_UPSTREAM: Final = Guard[Facts](
    "upstream_missing",
    "Name the place where calls go.",
    "호출을 보낼 주소를 등록해 주세요.",
    lambda facts: facts.upstreams > 0,
)
IS_SAFE: Final = Guard[Facts](
    "upstream_not_https",
    "Calls go to https addresses only.",
    "https 주소만 등록할 수 있습니다.",
    lambda facts: facts.has_safe_upstreams,
)
HAS_CREDENTIAL: Final = Guard[Facts](
    "credential_missing",
    "Each place where calls go needs its API key.",
    "호출을 보낼 주소마다 API 키를 등록해 주세요.",
    lambda facts: facts.credentials >= facts.upstreams,
)
HAS_PRICE: Final = Guard[Facts](
    "price_missing",
    "A price list with the time from which it holds is needed.",
    "적용 시각이 있는 단가를 등록해 주세요.",
    lambda facts: facts.prices > 0,
)
SAYS_WHERE: Final = Guard[Facts](
    "data_location_missing",
    "Say in which country the data is processed.",
    "데이터 처리 국가를 입력해 주세요.",
    lambda facts: facts.data_location is not None,
)
SAYS_TRAINING: Final = Guard[Facts](
    "training_use_missing",
    "Say whether what is sent is used for training.",
    "입력 데이터를 학습에 이용하는지 입력해 주세요.",
    lambda facts: facts.trains_on_input is not None,
)
SAYS_RETENTION: Final = Guard[Facts](
    "retention_missing",
    "Say for how many days what is sent is kept.",
    "입력 데이터 보관 일수를 입력해 주세요.",
    lambda facts: facts.retention_days is not None,
)
MAY_RESUME: Final = Guard[Facts](
    "suspended_by_agency",
    "The agency suspended this product; it resumes it.",
    "전담기관이 판매를 중지한 상품입니다. 전담기관만 재개할 수 있습니다.",
    lambda facts: facts.is_agency or facts.suspended_by == "provider",
)
NOT_SUSPENDED: Final = Guard[Facts](
    "already_suspended",
    "It is suspended; only the agency may still make a provider's suspension its own.",
    "이미 판매 중지된 상품입니다.",
    lambda facts: facts.suspended_by is None or (facts.is_agency and facts.suspended_by == "provider"),
)

# The checklist before a sale, in the order of the form.
CHECKS: Final = (
    HAS_LIMITS,
    SAYS_WHERE,
    SAYS_TRAINING,
    SAYS_RETENTION,
    HAS_UPSTREAM,
    IS_SAFE,
    HAS_CREDENTIAL,
    HAS_PRICE,
)
_ALIVE: Final = ("draft", "in_review", "returned", "on_sale", "suspended")
_BOTH: Final = (OWN_PROVIDER, OPERATOR)

TABLE: Final = Table[Facts](
    "product",
    "API 상품",
    {
        "draft": "작성 중",
        "in_review": "심사 중",
        "returned": "보완요청",
        "on_sale": "판매 중",
        "suspended": "판매 중지",
        "withdrawn": "판매 종료",
    },
    (
        Step("make", (), "draft", (OWN_PROVIDER,), (PROVIDER_THERE,)),
        Step("enter", (), "on_sale", (OPERATOR,), (PROVIDER_THERE,)),
        Step("change", ("draft", "returned"), None, (OWN_PROVIDER,)),
        Step("correct", ("on_sale", "suspended"), None, (OPERATOR,)),
        Step("submit", ("draft", "returned"), "in_review", (OWN_PROVIDER,), (PROVIDER_THERE, *CHECKS)),
        Step("take_back", ("in_review",), "draft", (OWN_PROVIDER,)),
        Step("return", ("in_review",), "returned", (OPERATOR,), needs_reason=True),
        Step("approve", ("in_review",), "on_sale", (OPERATOR,), (PROVIDER_APPROVED, *CHECKS)),
        Step("suspend", ("on_sale", "suspended"), "suspended", _BOTH, (NOT_SUSPENDED,), needs_reason=True),
        Step("resume", ("suspended",), "on_sale", _BOTH, (MAY_RESUME, PROVIDER_APPROVED), needs_reason=True),
        Step("withdraw", _ALIVE, "withdrawn", _BOTH, needs_reason=True),
    ),
)


def missing(facts: Facts) -> list[str]:
    """What a draft still lacks, by the codes with which its review would be refused."""
    return [check.name for check in CHECKS if not check.holds(facts)]
