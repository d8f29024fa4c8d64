"""A stand-in that speaks Amazon Bedrock's Converse, streams in its binary messages."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.matrix.wanted import INPUT_TOKENS, OUTPUT_TOKENS, Said, Wanted
from tests.providers.bedrock.messages import event

STREAM_KIND: Final = "application/vnd.amazon.eventstream"


def read(body: dict[str, Any]) -> Wanted:
    config = body.get("inferenceConfig", {})
    wanted = Wanted(limit=config.get("maxTokens"), stops=config.get("stopSequences", []))
    wanted.system = "".join(block["text"] for block in body.get("system", []))
    for message in body["messages"]:
        for block in message["content"]:
            if "text" in block and message["role"] == "user":
                wanted.texts.append(block["text"])
            elif "image" in block:
                wanted.images += 1
            elif "toolUse" in block:
                wanted.called.append(block["toolUse"]["input"]["city"])
            elif "toolResult" in block:
                wanted.results += [inner["text"] for inner in block["toolResult"]["content"]]
    wanted.tools = [tool["toolSpec"]["name"] for tool in body.get("toolConfig", {}).get("tools", [])]
    output = body.get("outputConfig", {})
    if "textFormat" in output:
        wanted.schema = json.loads(output["textFormat"]["structure"]["jsonSchema"]["schema"])
    wanted.thinks = output.get("effort") == "low"
    return wanted


def _content(said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thought:
        blocks.append({"reasoningContent": {"reasoningText": {"text": said.thought, "signature": "seal"}}})
    if said.text:
        blocks.append({"text": said.text})
    for i, (name, given) in enumerate(said.calls):
        blocks.append({"toolUse": {"toolUseId": f"call_{i}", "name": name, "input": given}})
    return blocks


def _end(said: Said) -> str:
    return "tool_use" if said.calls else "stop_sequence" if said.by_stop else "end_turn"


def _usage() -> dict[str, Any]:
    total = INPUT_TOKENS + OUTPUT_TOKENS
    return {"inputTokens": INPUT_TOKENS, "outputTokens": OUTPUT_TOKENS, "totalTokens": total}


def answer(wanted: Wanted, said: Said) -> dict[str, Any]:
    message = {"role": "assistant", "content": _content(said)}
    return {"output": {"message": message}, "stopReason": _end(said), "usage": _usage()}


def events(wanted: Wanted, said: Said) -> list[bytes]:
    out = [event("messageStart", role="assistant")]

    def delta(index: int, **said_now: Any) -> None:
        out.append(event("contentBlockDelta", contentBlockIndex=index, delta=said_now))

    for index, block in enumerate(_content(said)):
        if "text" in block:
            for piece in block["text"]:
                delta(index, text=piece)
        elif "reasoningContent" in block:
            thought = block["reasoningContent"]["reasoningText"]
            delta(index, reasoningContent={"text": thought["text"]})
            delta(index, reasoningContent={"signature": thought["signature"]})
        else:
            call = dict(block["toolUse"])
            text = json.dumps(call.pop("input"), ensure_ascii=False)
            out.append(event("contentBlockStart", contentBlockIndex=index, start={"toolUse": call}))
            for piece in (text[:5], text[5:]):
                delta(index, toolUse={"input": piece})
        out.append(event("contentBlockStop", contentBlockIndex=index))
    out.append(event("messageStop", stopReason=_end(said)))
    out.append(event("metadata", usage=_usage(), metrics={"latencyMs": 7}))
    return out


def refusal() -> dict[str, Any]:
    return {"message": "no such thing"}
