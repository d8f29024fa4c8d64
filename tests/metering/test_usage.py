"""Totals as vendors report them become classes that do not overlap, are never negative and sum to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage import TOKEN_CLASSES, TOKENS_MAX, Usage, usage_from_totals

counts = st.integers(-5, 60) | st.sampled_from((-(10**30), TOKENS_MAX, TOKENS_MAX + 1, 10**30))
reports = st.fixed_dictionaries(
    {"input_total": counts, "output_total": counts},
    optional={
        name: counts
        for name in (
            "cached_input",
            "cache_write",
            "cache_write_1h",
            "reasoning",
            "input_audio",
            "output_audio",
        )
    },
)


# fmt: off
REPORTS: list[tuple[dict[str, int], Usage]] = [
    ({"input_total": 12, "output_total": 40}, Usage(input=12, output=40)),
    ({"input_total": 0, "output_total": 0}, Usage()),
    ({"input_total": 100, "output_total": 50, "cached_input": 60, "cache_write": 10, "cache_write_1h": 5,
      "input_audio": 20, "output_audio": 8, "reasoning": 30},
     Usage(input=5, cached_input=60, cache_write=10, cache_write_1h=5, input_audio=20,
           output=42, output_audio=8, reasoning=30)),
    # cached reads above the input are cut to the input
    ({"input_total": 100, "output_total": 0, "cached_input": 130}, Usage(cached_input=100)),
    # cache writes to what then remains, those for an hour, the dearer, first
    ({"input_total": 100, "output_total": 0, "cached_input": 70, "cache_write": 50},
     Usage(cached_input=70, cache_write=30)),
    ({"input_total": 100, "output_total": 0, "cache_write": 80, "cache_write_1h": 80},
     Usage(cache_write_1h=80, cache_write=20)),
    # audio to what then remains
    ({"input_total": 100, "output_total": 0, "cached_input": 90, "input_audio": 50},
     Usage(cached_input=90, input_audio=10)),
    # audio out is cut to the output, reasoning to the text that is left
    ({"input_total": 0, "output_total": 10, "output_audio": 30}, Usage(output_audio=10)),
    ({"input_total": 0, "output_total": 10, "reasoning": 30}, Usage(output=10, reasoning=10)),
    ({"input_total": 0, "output_total": 10, "output_audio": 7, "reasoning": 9},
     Usage(output=3, output_audio=7, reasoning=3)),
    # negative counts are zero
    ({"input_total": -3, "output_total": -1, "cached_input": -9}, Usage()),
    ({"input_total": 10, "output_total": 0, "cached_input": -9}, Usage(input=10)),
    # no call has a trillion tokens
    ({"input_total": 10**18, "output_total": 1}, Usage(input=TOKENS_MAX, output=1)),
]
# fmt: on


def classes_of(report: dict[str, int]) -> Usage:
    return usage_from_totals(units=None, **report)


@pytest.mark.parametrize(("reported", "classes"), REPORTS)
def test_reports(reported: dict[str, int], classes: Usage) -> None:
    assert classes_of(reported) == classes


@given(reports)
def test_classes_sum_to_the_totals_and_none_is_negative(report: dict[str, int]) -> None:
    usage = classes_of(report)
    assert usage.input_total == min(max(report["input_total"], 0), TOKENS_MAX)
    assert usage.output_total == min(max(report["output_total"], 0), TOKENS_MAX)
    assert all(0 <= count <= TOKENS_MAX for count in usage.tokens().values())
    assert usage.reasoning <= usage.output


@given(reports)
def test_no_class_is_larger_than_reported(report: dict[str, int]) -> None:
    usage = classes_of(report)
    for name in ("cached_input", "cache_write", "cache_write_1h", "input_audio", "output_audio", "reasoning"):
        assert getattr(usage, name) <= max(report.get(name, 0), 0)


def test_units_that_are_zero_are_left_out() -> None:
    units = {"images": 2, "seconds": 0, "searches": -1}
    usage = usage_from_totals(input_total=0, output_total=0, units=units)
    assert usage.units.get("images") == 2
    assert "seconds" not in usage.units
    assert usage.units.get("searches", 0) == 0


@pytest.mark.parametrize(
    ("usage", "zero"),
    [
        (Usage(), True),
        (Usage(units={"images": 0}), True),
        (Usage(units={"images": 1}), False),
        (Usage(cached_input=1), False),
        (Usage(output_audio=1), False),
    ],
)
def test_is_zero(usage: Usage, zero: bool) -> None:
    assert usage.is_zero is zero


def test_tokens_names_every_class_of_the_contract() -> None:
    assert tuple(Usage().tokens()) == TOKEN_CLASSES
