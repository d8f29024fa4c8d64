"""A batch as its vendor tells it, noted in our books and shown to its company, with files of its own."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from gateway.files_vendor import FilesVendor
from gateway.ports import BooksUnavailable, StoredObject, StoredObjects, StoredThing
from gateway.problems import Problem
from providers.catalogue import UpstreamTarget
from providers.openai_files.objects import RESULT_FILES, count, expiry_s, shown, usable

_log = logging.getLogger(__name__)

RESULT_PURPOSE: Final = "batch_output"
MARK: Final = "voucher_op"  # in the metadata at the vendor: by it a batch is found whose answer was lost
_SOUGHT: Final = ":"  # before its call's name


class BatchObjects:
    def __init__(self, objects: StoredObjects, vendor: FilesVendor, gateway_id: str) -> None:
        self._objects = objects
        self._vendor = vendor
        self._gateway_id = gateway_id

    async def learn(
        self, one: StoredObject, said: dict[str, Any], target: UpstreamTarget, *, is_follower: bool = False
    ) -> dict[str, Any]:
        """What the vendor says of it now -> what its company is shown. Raises Problem.

        Its files are bound before anybody learns their ids; one that is another company's is not told. In
        lists the follower has the last word: what others asked may have been answered long ago.
        """
        told = of_company(one.thing, one.input_file, said)
        for name in RESULT_FILES:
            if name in told:
                told[name] = await self._result(one.thing, told[name], target)
        out = shown(told)
        try:
            if out != one.shown:
                former = None if is_follower else one.shown
                await self._objects.show(one.thing, out, instead_of=former)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        return told

    async def _result(self, batch: StoredThing, value: Any, target: UpstreamTarget) -> str | None:
        file_id = usable(value)
        if file_id is None:
            return None
        try:
            known = await self._objects.find(batch.company_id, "file", file_id)
            if known is not None and known.thing.base_url == batch.base_url:
                return file_id
            said = await self._said_of(file_id, target, batch.op)
            thing = StoredThing(
                kind="file",
                vendor_id=file_id,
                company_id=batch.company_id,
                product_id=batch.product_id,
                target_id=batch.target_id,
                base_url=batch.base_url,
                op=batch.op,
            )
            one = StoredObject(
                thing=thing,
                shown=shown(said),
                purpose=RESULT_PURPOSE,
                size_bytes=count(said, "bytes"),
                expires_s=expiry_s(said),
            )
            is_ours = await self._objects.add(one, gateway_id=self._gateway_id)
        except BooksUnavailable:
            raise Problem("meter_unavailable", retry_after_s=1) from None
        if not is_ours:
            _log.error("stored_id_of_another kind=file op=%s", batch.op)
            return None
        return file_id

    async def _said_of(self, file_id: str, target: UpstreamTarget, request_id: str) -> dict[str, Any]:
        plain = {"id": file_id, "object": "file", "bytes": 0, "created_at": 0, "filename": file_id}
        plain |= {"purpose": RESULT_PURPOSE, "status": "processed"}
        try:
            said = await self._vendor.ask(target, f"/files/{file_id}", request_id=request_id)
        except Problem:
            return plain  # lists say little of it, until somebody asks for it
        return {**plain, **said, "id": file_id}


def sought(file: StoredThing, op: str) -> StoredThing:
    """A batch that is being made of `file`, under a name that no vendor gives and no route takes."""
    return replace(file, kind="batch", vendor_id=_SOUGHT + op, op=op)


def is_sought(thing: StoredThing) -> bool:
    return thing.vendor_id.startswith(_SOUGHT)


def begun(sought: StoredThing, input_file: str | None, said: dict[str, Any]) -> StoredObject:
    """What was sought, as its vendor tells it: its results are bound when they are asked for."""
    thing = replace(sought, vendor_id=said["id"])
    told = of_company(thing, input_file, said) | dict.fromkeys(RESULT_FILES)
    return StoredObject(thing=thing, shown=shown(told), input_file=input_file)


def of_company(thing: StoredThing, input_file: str | None, said: dict[str, Any]) -> dict[str, Any]:
    """Under its own ids and its product's name, without our mark."""
    told = {**said, "id": thing.vendor_id, "input_file_id": input_file}
    if "model" in told:
        told["model"] = thing.product_id
    metadata = told.get("metadata")
    if type(metadata) is dict and MARK in metadata:
        told["metadata"] = {name: value for name, value in metadata.items() if name != MARK} or None
    return told


__all__ = ["MARK", "BatchObjects", "begun", "is_sought", "of_company", "sought"]
