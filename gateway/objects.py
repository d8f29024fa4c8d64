"""Files and batches put together: what they share, and who answers their routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.background import Background, FollowPace
from gateway.batch_follow import PACE, BatchFollower
from gateway.batch_objects import BatchObjects
from gateway.batches import Batches
from gateway.calls import Calls
from gateway.directory import Directory
from gateway.files import Files
from gateway.files_vendor import FilesVendor
from gateway.own_objects import OwnObjects
from gateway.ports import StoredObjects
from gateway.routing import Routing
from metering.meter import Meter
from providers.upstream import Upstream


class ObjectParts:
    def __init__(
        self,
        *,
        upstream: Upstream,
        routing: Routing,
        objects: StoredObjects,
        directory: Directory,
        meter: Meter,
        pace: FollowPace = PACE,
    ) -> None:
        self._objects = objects
        self._directory = directory
        self._meter = meter
        self._vendor = FilesVendor(upstream, routing)
        self._told = BatchObjects(objects, self._vendor, meter.gateway_id)
        self.own = OwnObjects(objects, directory)
        self.follower = BatchFollower(
            vendor=self._vendor,
            objects=objects,
            told=self._told,
            directory=directory,
            gateway_id=meter.gateway_id,
            pace=pace,
        )

    def routes(
        self,
        *,
        calls: Calls,
        background: Background,
        make_op: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> Mapping[str, Files | Batches]:
        """By the kind of what they name."""
        files = Files(
            calls=calls,
            objects=self._objects,
            own=self.own,
            vendor=self._vendor,
            directory=self._directory,
            gateway_id=self._meter.gateway_id,
            make_op=make_op,
            now_ms=now_ms,
        )
        batches = Batches(
            calls=calls,
            meter=self._meter,
            objects=self._objects,
            own=self.own,
            vendor=self._vendor,
            told=self._told,
            background=background,
            directory=self._directory,
            now_ms=now_ms,
        )
        return {"file": files, "batch": batches}


__all__ = ["ObjectParts"]
