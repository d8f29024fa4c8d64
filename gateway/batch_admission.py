"""May this batch be begun, on which vouchers, and what may it cost? Pure, as gateway/admission.py."""

from __future__ import annotations

from gateway import admission
from gateway.auth import Caller
from gateway.batch_request import BatchAsked
from gateway.batches_money import BatchBounds, batch_ceiling, terms_of
from gateway.calls import Admitted
from gateway.directory import Directory
from gateway.ports import StoredObject
from gateway.problems import Problem
from providers.catalogue import UpstreamTarget
from providers.dialects import OPENAI_BATCHED
from providers.facts import RequestFacts


def admit_batch(
    caller: Caller,
    file: StoredObject,
    asked: BatchAsked,
    directory: Directory,
    *,
    target: UpstreamTarget,
    now_ms: int,
) -> Admitted:
    """As any call of its product. Raises Problem."""
    bounds = _bounds_of(file, asked)
    route = OPENAI_BATCHED[bounds.endpoint]
    facts = RequestFacts(
        purpose=bounds.purpose,
        model=file.thing.product_id,
        body_bytes=0,
        background=True,
        stores=True,
        lines=bounds.lines,
        input_estimate_tokens=bounds.input_estimate,
    )
    product = admission.product_for(caller, facts, directory.products.get(facts.model), route)
    if bounds.terms != terms_of(product, target):
        raise Problem(
            "invalid_request",
            english="The product has changed since this file was uploaded; upload it again.",
            korean="파일을 올린 뒤 상품이 변경되었습니다. 파일을 다시 올려 주세요.",
            param="input_file_id",
        )
    vouchers = admission.paying_vouchers(
        directory.vouchers_of(caller.company.company_id), product.product_id, now_ms
    )
    one = admission.ceiling(facts, product, now_ms, operation=route.operation)
    return Admitted(route, caller, facts, product, batch_ceiling(bounds, one), vouchers)


def _bounds_of(file: StoredObject, asked: BatchAsked) -> BatchBounds:
    """Raises Problem."""
    if file.bounds is None:
        raise Problem(
            "invalid_request",
            english='`input_file_id` must name a file that was uploaded with the purpose "batch".',
            korean='`input_file_id` 값: 용도(purpose)를 "batch"로 올린 파일이어야 합니다.',
            param="input_file_id",
        )
    bounds = BatchBounds.from_text(file.bounds)
    if bounds.endpoint != asked.endpoint:
        raise Problem(
            "invalid_request",
            english=f"`endpoint` must be the `url` of the file's lines: {bounds.endpoint}.",
            korean=f"`endpoint` 값: 파일 각 줄의 `url`과 같아야 합니다: {bounds.endpoint}.",
            param="endpoint",
        )
    return bounds


__all__ = ["admit_batch"]
