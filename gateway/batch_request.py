"""The request for a batch: what of it is ours to judge, and what the vendor gets. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson

from providers.dialects import OPENAI_BATCHED
from providers.facts import bad

WINDOW: Final = "24h"
METADATA_MAX: Final = 15  # pairs; vendors take sixteen, and one is ours
_KEY_CHARACTERS_MAX: Final = 64
_VALUE_CHARACTERS_MAX: Final = 512
# The charge is counted from the output: it has to be there when it is read, by whichever gateway.
_OUTPUT_STAYS_MIN_S: Final = 3600
_OUTPUT_STAYS_MAX_S: Final = 30 * 24 * 3600


class BatchAsked(msgspec.Struct, frozen=True):
    input_file_id: str
    endpoint: str
    metadata: dict[str, str]
    output_expires_after: dict[str, Any] | None

    def for_vendor(self, mark: str, op: str) -> bytes:
        """`mark` names our operation in the metadata."""
        said: dict[str, Any] = {
            "input_file_id": self.input_file_id,
            "endpoint": self.endpoint,
            "completion_window": WINDOW,
            "metadata": {**self.metadata, mark: op},
        }
        if self.output_expires_after is not None:
            said["output_expires_after"] = self.output_expires_after
        return orjson.dumps(said)


def read_batch_request(body: dict[str, Any]) -> BatchAsked:
    """Raises BadRequest."""
    file_id, endpoint = body.get("input_file_id"), body.get("endpoint")
    if type(file_id) is not str:
        raise bad("input_file_id", "must be the id of a file", "파일의 id여야 합니다")
    if type(endpoint) is not str or endpoint not in OPENAI_BATCHED:
        known = ", ".join(OPENAI_BATCHED)
        raise bad("endpoint", f"must be one of {known}", f"다음 중 하나여야 합니다: {known}")
    if body.get("completion_window") != WINDOW:
        raise bad("completion_window", f"must be {WINDOW}", f"{WINDOW}여야 합니다")
    return BatchAsked(file_id, endpoint, _metadata(body), _expiry(body))


def _metadata(body: dict[str, Any]) -> dict[str, str]:
    said = body.get("metadata")
    if said is None:
        return {}
    if type(said) is not dict or len(said) > METADATA_MAX:
        raise bad(
            "metadata",
            f"must be an object of {METADATA_MAX} texts at most",
            f"텍스트 {METADATA_MAX}개 이하의 객체여야 합니다",
        )
    for name, value in said.items():
        if (
            type(value) is not str
            or not 1 <= len(name) <= _KEY_CHARACTERS_MAX
            or len(value) > _VALUE_CHARACTERS_MAX
        ):
            raise bad(
                "metadata",
                f"must hold texts of {_VALUE_CHARACTERS_MAX} characters at most",
                f"{_VALUE_CHARACTERS_MAX}자 이하의 텍스트만 담아야 합니다",
            )
    return said


def _expiry(body: dict[str, Any]) -> dict[str, Any] | None:
    name = "output_expires_after"
    said = body.get(name)
    if said is None:
        return None
    if type(said) is not dict or said.get("anchor") != "created_at" or type(said.get("seconds")) is not int:
        raise bad(name, "must name an anchor and seconds", "anchor와 seconds를 지정해야 합니다")
    if not _OUTPUT_STAYS_MIN_S <= said["seconds"] <= _OUTPUT_STAYS_MAX_S:
        raise bad(
            name,
            f"must leave the output for {_OUTPUT_STAYS_MIN_S} to {_OUTPUT_STAYS_MAX_S} seconds",
            f"출력의 보관 시간은 {_OUTPUT_STAYS_MIN_S}~{_OUTPUT_STAYS_MAX_S}초여야 합니다",
        )
    return {"anchor": "created_at", "seconds": said["seconds"]}
