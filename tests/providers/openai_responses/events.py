"""Events of a streamed response, as a vendor sends them."""

from __future__ import annotations

import json
from typing import Any, Final

RESPONSE: Final = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "in_progress",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "model": "solar-pro4-260806",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": None,
}
USAGE: Final = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 29,
}


class Vendor:
    """Numbers its events."""

    def __init__(self) -> None:
        self.number = -1

    def event(self, kind: str, **fields: Any) -> bytes:
        self.number += 1
        said = {"type": kind, "sequence_number": self.number, **fields}
        return f"event: {kind}\ndata: {json.dumps(said, ensure_ascii=False)}\n\n".encode()

    def created(self) -> bytes:
        return self.event("response.created", response=RESPONSE) + self.event(
            "response.in_progress", response=RESPONSE
        )

    def message(self, index: int = 0) -> bytes:
        """An item and a part of it begin."""
        item = {"id": f"msg_{index}", "type": "message", "status": "in_progress", "role": "assistant"}
        part = {"type": "output_text", "text": "", "annotations": []}
        added = self.event("response.output_item.added", output_index=index, item={**item, "content": []})
        return added + self.event(
            "response.content_part.added",
            item_id=f"msg_{index}",
            output_index=index,
            content_index=0,
            part=part,
        )

    def text(self, text: str, index: int = 0, kind: str = "output_text", **more: Any) -> bytes:
        at = {"item_id": f"msg_{index}", "output_index": index, "content_index": 0}
        return self.event(f"response.{kind}.delta", **at, delta=text, **more)

    def call(self, index: int, name: str = "get_weather") -> bytes:
        item = {"id": f"fc_{index}", "type": "function_call", "call_id": "c1", "name": name}
        return self.event(
            "response.output_item.added",
            output_index=index,
            item={**item, "arguments": "", "status": "in_progress"},
        )

    def arguments(self, text: str, index: int) -> bytes:
        return self.event(
            "response.function_call_arguments.delta", item_id=f"fc_{index}", output_index=index, delta=text
        )

    def end(self, status: str = "completed", usage: Any = USAGE, **more: Any) -> bytes:
        response = {**RESPONSE, "status": status, "usage": usage, **more}
        return self.event(f"response.{status}", response=response)
