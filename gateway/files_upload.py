"""An uploaded file as a form: what it is for, and whose vendor is to have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from gateway import admission
from gateway.auth import Caller
from gateway.directory import Directory
from gateway.problems import Problem
from providers import dialects
from providers.catalogue import Product, UpstreamTarget
from providers.facts import RequestFacts, bad
from providers.forms import Form, Part

PURPOSES: Final = ("assistants", "batch", "user_data", "vision")
BATCH: Final = "batch"
_OWN_FIELDS: Final = frozenset({"file", "model", "purpose"})


class Upload(msgspec.Struct, frozen=True):
    purpose: str
    file: Part
    model: str | None  # the product whose vendor is to have it
    others: list[Part]  # fields that the vendor may know


def read_upload(form: Form) -> Upload:
    """Raises BadRequest."""
    purpose = _field(form, "purpose")
    if purpose not in PURPOSES:
        known = ", ".join(PURPOSES)
        raise bad("purpose", f"must be one of {known}", f"다음 중 하나여야 합니다: {known}")
    files = form.get("file", [])
    if len(files) != 1 or not files[0].is_file:
        raise bad("file", "must be one file, with its name", "이름이 있는 파일 하나여야 합니다")
    others = [part for name, parts in form.items() if name not in _OWN_FIELDS for part in parts]
    for part in others:
        if part.is_file:
            raise bad(part.name, "must be no file; send one, as `file`", "파일은 `file` 하나만 보내 주세요")
    return Upload(purpose, files[0], _field(form, "model"), others)


def product_of(
    caller: Caller,
    upload: Upload,
    directory: Directory,
    *,
    now_ms: int,
    choose: Callable[[Product], UpstreamTarget | None],
) -> tuple[Product, UpstreamTarget]:
    """The product named in `model`; without it the only one there can be. Raises Problem."""
    if upload.model is not None:
        product = directory.products.get(upload.model)
        may_use(caller, product, directory, now_ms)
        assert product is not None, "may_use has said so"
        if (target := choose(product)) is None:
            raise _without_files(product.product_id)
        return product, target
    found: dict[tuple[str, str | None], tuple[Product, UpstreamTarget]] = {}
    for product in directory.products.values():
        try:
            may_use(caller, product, directory, now_ms)
        except Problem:
            continue
        if (target := choose(product)) is not None:
            found.setdefault((target.base_url, target.api_key), (product, target))
    if len(found) != 1:
        raise Problem(
            "invalid_request",
            english="Name the product the file is for in the form field `model`: its vendor keeps the file.",
            korean="파일을 사용할 상품을 양식 필드 `model`에 지정해 주세요. 그 상품의 공급사가 보관합니다.",
            param="model",
        )
    return next(iter(found.values()))


def may_use(caller: Caller, product: Product | None, directory: Directory, now_ms: int) -> None:
    """As a call of the product would be judged before its price is. Raises Problem."""
    purpose = min(product.purposes, default="") if product is not None else ""
    facts = RequestFacts(purpose=purpose, model="", body_bytes=0)
    admitted = admission.product_for(caller, facts, product, dialects.CHAT)
    vouchers = directory.vouchers_of(caller.company.company_id)
    admission.paying_vouchers(vouchers, admitted.product_id, now_ms)


def _without_files(product_id: str) -> Problem:
    return Problem(
        "invalid_request",
        english=f"{product_id} has no vendor with files; choose another product.",
        korean=f"{product_id}의 공급사는 파일을 제공하지 않습니다. 다른 상품을 선택해 주세요.",
        param="model",
    )


def _field(form: Form, name: str) -> str | None:
    parts = form.get(name, [])
    if not parts:
        return None
    if len(parts) > 1 or parts[0].is_file:
        raise bad(name, "must be one text field", "텍스트 필드 하나여야 합니다")
    return parts[0].text()


__all__ = ["BATCH", "PURPOSES", "Upload", "may_use", "product_of", "read_upload"]
