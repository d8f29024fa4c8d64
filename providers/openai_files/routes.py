"""The routes of files and batches: which kind of thing a path names, and what is done with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_DEEDS: Final = {
    ("file", False, ""): {"POST": "create", "GET": "list"},
    ("file", True, ""): {"GET": "read", "DELETE": "delete"},
    ("file", True, "/content"): {"GET": "content"},
    ("batch", False, ""): {"POST": "create", "GET": "list"},
    ("batch", True, ""): {"GET": "read"},
    ("batch", True, "/cancel"): {"POST": "cancel"},
}
_PREFIXES: Final = {"/v1/files": "file", "/v1/batches": "batch"}


class ObjectRoute(msgspec.Struct, frozen=True):
    kind: str  # file | batch
    deed: str  # create | list | read | content | delete | cancel
    vendor_id: str  # "" where the route names none
    name: str  # for labels: of few values, whatever callers ask for


def find_objects(path: str) -> Mapping[str, ObjectRoute]:
    """By method; none where the path is no such route."""
    for prefix, kind in _PREFIXES.items():
        if path == prefix:
            return _routes(kind, prefix, "", "")
        if path.startswith(prefix + "/"):
            vendor_id, slash, rest = path[len(prefix) + 1 :].partition("/")
            if _ID.fullmatch(vendor_id) is not None:
                return _routes(kind, prefix, vendor_id, slash + rest)
    return {}


def _routes(kind: str, prefix: str, vendor_id: str, behind: str) -> Mapping[str, ObjectRoute]:
    name = f"{prefix}/{{id}}{behind}" if vendor_id else prefix
    deeds = _DEEDS.get((kind, bool(vendor_id), behind), {})
    return {method: ObjectRoute(kind, deed, vendor_id, name) for method, deed in deeds.items()}
