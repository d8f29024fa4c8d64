"""Usage as Ollama reports it -> `metering.usage.Usage`. Pure.

`prompt_eval_count` and `eval_count` stand beside the message. It leaves out a count that is zero, so one of
them alone means that the other is: a prompt that it still had in memory is not evaluated again. Neither of
them is no usage (None).
"""

from __future__ import annotations

from typing import Any

from metering.usage import Usage, usage_from_totals


def usage_of(answer: dict[str, Any]) -> Usage | None:
    given, said = count_of(answer.get("prompt_eval_count")), count_of(answer.get("eval_count"))
    if given is None and said is None:
        return None
    return usage_from_totals(input_total=given or 0, output_total=said or 0)


def count_of(value: Any) -> int | None:
    """A count, or None. A whole float is one; a bool, an int by inheritance only, is not."""
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else None
