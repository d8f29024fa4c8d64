"""The files and batches a company has at vendors: found for it alone, and which upstream has each."""

from __future__ import annotations

from typing import Final

from gateway.auth import Caller
from gateway.directory import Directory
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects, StoredThing
from gateway.problems import Problem
from gateway.stored_vendor import holder_of
from providers.catalogue import Product, UpstreamTarget
from providers.openai_files.objects import USABLE_ID

NAMED_MAX: Final = 64  # files in one request: each is looked up before the call


class OwnObjects:
    def __init__(self, objects: StoredObjects, directory: Directory) -> None:
        self._objects = objects
        self._directory = directory

    async def find(
        self, caller: Caller, kind: str, vendor_id: str, *, param: str | None = None
    ) -> StoredObject:
        """Raises Problem: what is not bound to the caller's company does not exist."""
        found = None
        if USABLE_ID.fullmatch(vendor_id) is not None:
            try:
                found = await self._objects.find(caller.company.company_id, kind, vendor_id)
            except BooksUnavailable:
                raise Problem("meter_unavailable", retry_after_s=1) from None
        if found is None:
            raise Problem("id_not_found", param=param)
        if caller.key.products is not None and found.thing.product_id not in caller.key.products:
            raise Problem("product_not_allowed", param=param)
        return found

    def target(self, thing: StoredThing) -> UpstreamTarget:
        """Raises Problem."""
        target = holder_of(thing, self._directory)
        if target is None:
            raise Problem("id_not_found")
        return target

    async def holder(
        self, caller: Caller, names: tuple[str, ...], product: Product, holder: str | None
    ) -> str:
        """The product's upstream that has every file a request names, and what it goes on from (`holder`)."""
        if len(names) > NAMED_MAX:
            raise Problem(
                "invalid_request",
                english=f"A request names {NAMED_MAX} files at most.",
                korean=f"요청 하나에 파일은 {NAMED_MAX}개까지 지정할 수 있습니다.",
                param="file_id",
            )
        found: str | None = holder
        for name in names:
            one = await self.find(caller, "file", name, param="file_id")
            theirs = self.target(one.thing)
            account = theirs.base_url, theirs.api_key
            has_it = [
                target.target_id
                for target in product.upstreams
                if (target.base_url, target.api_key) == account and found in (None, target.target_id)
            ]
            if not has_it:
                raise _elsewhere(name, one.thing.product_id)
            found = has_it[0]
        assert found is not None, "a request that asks this names a file"
        return found


def _elsewhere(name: str, product_id: str) -> Problem:
    return Problem(
        "invalid_request",
        english=f"The file {name} is kept where {product_id} is served; call that product, "
        "or upload it again with this product as `model`.",
        korean=f"파일 {name}은(는) {product_id}의 공급사에 있습니다. 그 상품을 호출하거나 "
        "`model`에 이 상품을 지정해 다시 올려 주세요.",
        param="file_id",
    )
