"""A night's batch through OpenAI's own package: what a company's program does, and what it then knows.

Run with the base URL and the key; the package is the one that the path finds first, so that its majors take
turns. It prints what it has seen, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import openai

LINES = b"".join(
    json.dumps(
        {
            "custom_id": name,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "x1", "messages": [{"role": "user", "content": "hi"}]},
        }
    ).encode()
    + b"\n"
    for name in ("a", "b", "c")
)


def run(base_url: str, key: str) -> dict[str, Any]:
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        file = client.files.create(file=("night.jsonl", LINES), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"night": "1"},
        )
        begun = batch.status
        while batch.status == "in_progress":
            time.sleep(0.02)
            batch = client.batches.retrieve(batch.id)
        assert batch.output_file_id is not None
        content = client.files.content(batch.output_file_id).text
        pages = [one.id for one in client.files.list(limit=1)]
        batches = [one.id for one in client.batches.list(limit=1)]
        try:
            client.batches.cancel(batch.id)
            refused = ""
        except openai.APIStatusError as error:
            refused = str(error.code)
        data = client.files.create(
            file=("notes.txt", b"notes"), purpose="user_data", extra_body={"model": "x1"}
        )
        deleted = client.files.delete(data.id).deleted
        try:
            client.files.retrieve(data.id)
            gone = ""
        except openai.NotFoundError as error:
            gone = str(error.code)
        counts = batch.request_counts
        return {
            "version": openai.__version__,
            "file": [file.object, file.purpose, file.filename],
            "begun": begun,
            "ended": batch.status,
            "metadata": batch.metadata,
            "answered": None if counts is None else counts.completed,
            "models": [json.loads(line)["response"]["body"]["model"] for line in content.splitlines()],
            "files": len(pages),
            "batches": batches == [batch.id],
            "refused": refused,
            "deleted": deleted,
            "gone": gone,
        }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2])))
