"""The two logs that the house did not write: what the vendor counted, and what the clients saw.

Both have one JSON object per line. Vendor, as the demo vendor's `--log` writes it: `call_id`, `request_id` as
the caller named it, `ended`, and `usage`: an OpenAI usage object, or null where nothing is billed. Clients,
as the chaos run's `history.jsonl`: `line` is `invoke` (with `request_id`, `operation`, `company`, `at_ms`) or
`end` (with `request_id`, `at_ms`, `verdict` ok, fail or unknown, `status`, `usage_id`, and `charge_micro` as
the answer said it); other lines are passed over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Counts = Mapping[str, int]


class BadLog(Exception):
    """A line that is not of this log. The message names it."""


@dataclass(slots=True)
class Served:
    """One call in the vendor's log; `counts` by column of usage.tsv, None: nothing is billed."""

    call_id: str
    request_id: str
    is_complete: bool
    counts: Counts | None
    charged_to: str | None = None  # the op it was matched with


@dataclass(frozen=True, slots=True)
class Ended:
    request_id: str
    verdict: str
    status: int
    usage_id: str | None
    charge_micro: int | None


@dataclass(slots=True)
class ClientLog:
    company_of: dict[str, str] = field(default_factory=dict)  # by request id
    operations: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ended: list[Ended] = field(default_factory=list)
    from_ms: int = 0
    to_ms: int = 0


def read_vendor_log(path: Path) -> list[Served]:
    calls = []
    for number, line in _lines(path):
        try:
            usage = line["usage"]
            calls.append(
                Served(
                    call_id=_text(line["call_id"]),
                    request_id=_text(line["request_id"] or ""),
                    is_complete=line["ended"] == "complete",
                    counts=None if usage is None else _counts(usage),
                )
            )
        except (KeyError, TypeError) as error:
            raise BadLog(f"{path}:{number} is no line of a vendor's log: {error!r}") from None
    return calls


def _counts(usage: object) -> Counts:
    """An OpenAI usage object as classes that do not overlap (but for reasoning, a part of the output)."""
    if not isinstance(usage, dict):
        raise TypeError(f"{usage!r} is no usage")
    of_input = usage.get("prompt_tokens_details")
    of_output = usage.get("completion_tokens_details")
    prompt, completion = _whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens"))
    cached = min(prompt, _part(of_input, "cached_tokens"))
    input_audio = min(prompt - cached, _part(of_input, "audio_tokens"))
    cache_write = min(prompt - cached - input_audio, _part(of_input, "cache_write_tokens"))
    cache_write_1h = min(
        prompt - cached - input_audio - cache_write, _part(of_input, "cache_write_1h_tokens")
    )
    output_audio = min(completion, _part(of_output, "audio_tokens"))
    return {
        "input_tokens": prompt - cached - input_audio - cache_write - cache_write_1h,
        "cached_input_tokens": cached,
        "output_tokens": completion - output_audio,
        "reasoning_tokens": _part(of_output, "reasoning_tokens"),
        "input_audio_tokens": input_audio,
        "output_audio_tokens": output_audio,
        "cache_write_tokens": cache_write,
        "cache_write_1h_tokens": cache_write_1h,
    }


def _part(details: object, name: str) -> int:
    return _whole(details.get(name)) if isinstance(details, dict) else 0


def _whole(value: object) -> int:
    if value is None:
        return 0
    if type(value) is not int:
        raise TypeError(f"{value!r} is no count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def read_client_log(path: Path) -> ClientLog:
    log = ClientLog()
    times = []
    for number, line in _lines(path):
        try:
            if line["line"] == "invoke":
                request_id = _text(line["request_id"])
                log.company_of[request_id] = _text(line["company"])
                log.operations[_text(line["operation"])].append(request_id)
                times.append(_whole(line["at_ms"]))
            elif line["line"] == "end":
                charge_micro = line.get("charge_micro")
                log.ended.append(
                    Ended(
                        request_id=_text(line["request_id"]),
                        verdict=_text(line["verdict"]),
                        status=_whole(line.get("status")),
                        usage_id=None if line.get("usage_id") is None else _text(line["usage_id"]),
                        charge_micro=None if charge_micro is None else _whole(charge_micro),
                    )
                )
                times.append(_whole(line["at_ms"]))
        except (KeyError, TypeError) as error:
            raise BadLog(f"{path}:{number} is no line of a clients' log: {error!r}") from None
    log.from_ms, log.to_ms = min(times, default=0), max(times, default=0)
    return log


def _lines(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise BadLog(f"{path}:{number} is no JSON object")
                yield number, line
    except (OSError, ValueError, RecursionError) as error:
        raise BadLog(f"{path}: {error}") from None
