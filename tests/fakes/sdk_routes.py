"""Every route that the vendors' official packages can ask for, read from their sources."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_CALL: Final = re.compile(
    r"self\._(get|post|put|patch|delete|get_api_list)\(\s*(?:path_template\(\s*)?f?\"(/[^\"]*)\""
)
_GEMINI_CALL: Final = re.compile(
    r"path = '([^']*)'.{0,2000}?_request\(\s*'(get|post|patch|delete)'", re.DOTALL
)
_NAME: Final = re.compile(r"\{+[^}]*\}+")


class SdkRoute(NamedTuple):
    package: str
    method: str
    path: str  # as the gateway sees it, each name as {}


def sdk_routes() -> list[SdkRoute]:
    return sorted({*_of("openai", "/v1"), *_of("anthropic", ""), *_of_gemini()})


def _of(package: str, base: str) -> Iterator[SdkRoute]:
    for source in (_folder(package) / "resources").rglob("*.py"):
        for method, path in _CALL.findall(source.read_text("utf-8")):
            method = "GET" if method == "get_api_list" else method.upper()
            yield SdkRoute(package, method, base + _NAME.sub("{}", path.partition("?")[0]))


def _of_gemini() -> Iterator[SdkRoute]:
    for source in _folder("google.genai").glob("*.py"):
        for path, method in _GEMINI_CALL.findall(source.read_text("utf-8")):
            path = re.sub(r"^\{models_url\}|^\{model\}", "models/{}", path.partition("?")[0])
            for version in ("v1", "v1beta"):
                yield SdkRoute("google-genai", method.upper(), f"/{version}/" + _NAME.sub("{}", path))


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
