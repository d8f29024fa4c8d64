"""Every way the data plane can say no: one table, code -> status, words, and whether to try again.

A Problem is raised where it is found and turned into bytes in one place, in the caller's dialect. A refusal
that was expected never looks like a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from providers.dialect import Refusal


@dataclass(frozen=True, slots=True)
class Kind:
    status: int
    openai_type: str
    retry: bool
    english: str
    korean: str


KINDS: Final[dict[str, Kind]] = {
    "invalid_request": Kind(
        400,
        "invalid_request_error",
        False,
        "Send a valid JSON request.",
        "올바른 JSON 요청을 보내 주세요.",
    ),
    "context_too_long": Kind(
        400,
        "invalid_request_error",
        False,
        "Shorten the input: it cannot fit the product's context.",
        "입력을 줄여 주세요. 상품의 컨텍스트 길이를 넘습니다.",
    ),
    "purpose_mismatch": Kind(
        400,
        "invalid_request_error",
        False,
        "Choose a product whose purpose fits this route; GET /v1/models lists them.",
        "이 경로의 용도에 맞는 상품을 선택해 주세요. 목록: GET /v1/models",
    ),
    "upstream_rejected": Kind(
        400,
        "invalid_request_error",
        False,
        "The vendor rejected the request; change it as its message says.",
        "공급사가 요청을 거절했습니다. 메시지에 따라 요청을 고쳐 주세요.",
    ),
    "invalid_api_key": Kind(
        401,
        "authentication_error",
        False,
        "Send a valid API key as `Authorization: Bearer vg_…` from an allowed address.",
        "유효한 API 키를 허용된 주소에서 `Authorization: Bearer vg_…` 형식으로 보내 주세요.",
    ),
    "voucher_exhausted": Kind(
        402,
        "insufficient_quota",
        False,
        "The voucher cannot pay for this call; lower the output limit or apply for more.",
        "바우처 잔액이 부족합니다. 출력 한도를 낮추거나 추가 지원을 신청해 주세요.",
    ),
    "self_deposit_exhausted": Kind(
        402,
        "insufficient_quota",
        False,
        "The company's own deposit is used up; pay in more of the self share.",
        "자기부담금 잔액이 부족합니다. 자기부담금을 추가로 입금해 주세요.",
    ),
    "product_not_allowed": Kind(
        403,
        "permission_error",
        False,
        "This API key or voucher does not cover the product; choose another or ask for it.",
        "이 API 키 또는 바우처로 사용할 수 없는 상품입니다. 다른 상품을 선택해 주세요.",
    ),
    "voucher_not_active": Kind(
        403,
        "permission_error",
        False,
        "No voucher of the company is active today; check its period and state.",
        "현재 사용 가능한 바우처가 없습니다. 기간과 상태를 확인해 주세요.",
    ),
    "data_location_refused": Kind(
        403,
        "permission_error",
        False,
        "The company does not allow data at this product's location; choose another product.",
        "회사 정책상 이 상품의 데이터 위치를 사용할 수 없습니다. 다른 상품을 선택해 주세요.",
    ),
    "model_not_found": Kind(
        404,
        "not_found_error",
        False,
        "Name a product of the catalogue as `model`; GET /v1/models lists them.",
        "`model`에 카탈로그의 상품을 지정해 주세요. 목록: GET /v1/models",
    ),
    "route_not_found": Kind(
        404,
        "not_found_error",
        False,
        "This route does not exist here; see the documentation for those that do.",
        "존재하지 않는 경로입니다. 문서에서 경로를 확인해 주세요.",
    ),
    "usage_not_found": Kind(
        404,
        "not_found_error",
        False,
        "No such usage record; a call shows here within two seconds of its end.",
        "해당 사용 내역이 없습니다. 호출 종료 후 2초 이내에 표시됩니다.",
    ),
    "id_not_found": Kind(
        404,
        "not_found_error",
        False,
        "Name an id that your company got here and that is still kept: this one is unknown.",
        "해당 id를 찾을 수 없습니다. 귀사가 받은, 아직 보관 중인 id를 지정해 주세요.",
    ),
    "idempotency_in_progress": Kind(
        409,
        "conflict_error",
        True,
        "A call with this Idempotency-Key is still running; ask again shortly.",
        "같은 Idempotency-Key의 호출이 진행 중입니다. 잠시 후 다시 시도해 주세요.",
    ),
    "answer_not_kept": Kind(
        409,
        "conflict_error",
        False,
        "The call was made and charged, but its answer was not kept; read /v1/usage/{id}.",
        "호출은 완료되어 차감되었지만 응답이 보관되지 않았습니다. /v1/usage/{id}를 확인해 주세요.",
    ),
    "idempotency_mismatch": Kind(
        422,
        "invalid_request_error",
        False,
        "This Idempotency-Key was used with another body; use a new key.",
        "다른 본문에 사용된 Idempotency-Key입니다. 새 키를 사용해 주세요.",
    ),
    "request_too_large": Kind(
        413,
        "invalid_request_error",
        False,
        "Send a smaller body.",
        "본문 크기를 줄여 주세요.",
    ),
    "rate_limited": Kind(
        429,
        "rate_limit_error",
        True,
        "Wait as long as Retry-After says: this API key's limit per minute is reached.",
        "API 키의 분당 한도에 도달했습니다. Retry-After만큼 기다려 주세요.",
    ),
    "too_many_concurrent": Kind(
        429,
        "rate_limit_error",
        True,
        "Wait for running calls to end: this API key's limit of concurrent calls is reached.",
        "API 키의 동시 호출 한도에 도달했습니다. 진행 중인 호출이 끝나면 다시 시도해 주세요.",
    ),
    "funds_held": Kind(
        429,
        "rate_limit_error",
        True,
        "Try again shortly: the balance is held by calls that are still running.",
        "잔액이 진행 중인 호출에 묶여 있습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "upstream_rate_limited": Kind(
        429,
        "rate_limit_error",
        True,
        "Try again later: the vendor limits the rate.",
        "공급사의 호출 한도에 도달했습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "key_budget_exhausted": Kind(
        429,
        "insufficient_quota",
        False,
        "This API key's budget for today is used up; it starts anew at midnight in Korea.",
        "API 키의 오늘 예산이 소진되었습니다. 한국 시간 자정에 다시 시작됩니다.",
    ),
    "upstream_error": Kind(
        502,
        "api_error",
        True,
        "Try again: the vendor failed, and nothing was charged unless it reported usage.",
        "공급사 오류입니다. 다시 시도해 주세요. 사용량이 보고되지 않았다면 차감되지 않습니다.",
    ),
    "upstream_timeout": Kind(
        504,
        "api_error",
        True,
        "Try again: the vendor did not answer in time.",
        "공급사가 제시간에 응답하지 않았습니다. 다시 시도해 주세요.",
    ),
    "meter_unavailable": Kind(
        503,
        "api_error",
        True,
        "Try again shortly: calls cannot be metered at the moment, so none is served.",
        "현재 사용량을 계량할 수 없어 호출을 받지 않습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "internal_error": Kind(
        500,
        "api_error",
        False,
        "Something failed on our side; tell the operator the request id.",
        "내부 오류입니다. 요청 ID를 운영 기관에 알려 주세요.",
    ),
}


# Calls that failed on their way and are charged all the same; the table speaks to those that cost nothing.
_CHARGED: Final = {
    "upstream_error": ("The vendor failed", "공급사 오류로 중단되었습니다."),
    "upstream_timeout": ("The vendor stopped answering", "공급사의 응답이 끊겨 중단되었습니다."),
    "meter_unavailable": ("The gateway had to stop", "게이트웨이가 중지되어 중단되었습니다."),
}


class Problem(Exception):
    """A refusal. `english`/`korean` replace the table's sentence where there is more to say."""

    def __init__(
        self,
        code: str,
        *,
        english: str | None = None,
        korean: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
        charged: bool = False,
        status: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = KINDS[code]
        self.status = status or self.kind.status
        self.english = english or self.kind.english
        self.korean = korean or (english if english and not korean else self.kind.korean)
        self.param = param
        self.retry_after_s = retry_after_s
        self.charged = charged
        self.headers = headers

    @property
    def retry(self) -> bool:
        """Whether an SDK should try again by itself: never where something was charged."""
        return self.kind.retry and not self.charged

    def message(self, accept_language: str | None) -> str:
        return self.korean if prefers_korean(accept_language) else self.english

    def refusal(self, accept_language: str | None, request_id: str | None = None) -> Refusal:
        """For a dialect to give it its shape."""
        return Refusal(
            status=self.status,
            code=self.code,
            message=self.message(accept_language),
            openai_type=self.kind.openai_type,
            param=self.param,
            request_id=request_id,
        )

    def wire_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-should-retry", b"true" if self.retry else b"false"), *self.headers]
        if self.status == 429 or self.retry_after_s is not None:
            headers.append((b"retry-after", str(max(1, self.retry_after_s or 1)).encode()))
        return headers


def charged_failure(code: str, usage_id: str) -> Problem:
    english, korean = _CHARGED[code]
    record = f"/v1/usage/{usage_id}"
    return Problem(
        code,
        english=f"{english}; what was delivered or counted by then is charged: see {record}.",
        korean=f"{korean} 그때까지 전달되었거나 집계된 만큼만 차감됩니다. 내역: {record}",
        charged=True,
    )


def prefers_korean(accept_language: str | None) -> bool:
    """Korean where it is named before English, or alone; English otherwise."""
    if not accept_language:
        return False
    weights = {"ko": 0.0, "en": 0.0}
    for item in accept_language[:200].split(","):
        tag, _, parameter = item.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameter))
    return weights["ko"] > 0 and weights["ko"] >= weights["en"]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
