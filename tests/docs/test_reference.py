"""Reference pages against the code they describe: errors, limits, options, metrics, the log, settings."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from typing import Any, Final

import orjson
import pytest
import typer.main
from msgspec.structs import fields
from prometheus_client import CollectorRegistry
from typer.core import TyperGroup

from config.settings import FROM_ENVIRONMENT, PREFIX
from gateway import auth, calls, idempotency
from gateway.problems import KINDS
from gateway.telemetry import CallRecord, Telemetry
from launch.cli import app
from launch.demo_vendor.faults import FAULTS, Orders, read_orders
from launch.worker_main import COUNTED
from providers import facts
from providers.translation.anthropic import blocks as anthropic_blocks
from providers.translation.anthropic import hear as anthropic_hear
from providers.translation.bedrock import ask as bedrock_ask
from providers.translation.clova import ask as clova_ask
from providers.translation.clova import hear as clova_hear
from providers.translation.cohere import ask as cohere_ask
from providers.translation.gemini import ask as gemini_ask
from providers.translation.gemini import contents as gemini_contents
from providers.translation.gemini import hear as gemini_hear
from providers.translation.ollama import ask as ollama_ask
from providers.translation.openai import hear as openai_hear
from providers.translation.openai import messages as openai_messages
from providers.translation.openai_responses import hear as responses_hear
from providers.translation.openai_responses import items as responses_items
from providers.translation.openai_responses import tools as responses_tools
from tests.docs.pages import ROOT, page, tables

REFUSALS: Final = ("Refused", "ServerRefused", "BadSettings")
PACKAGES: Final = ("gateway", "metering", "billing", "providers", "portal", "launch")


def test_errors_are_the_table_of_the_code() -> None:
    [rows] = tables(page("docs/reference/errors.md").text)
    shown = {row["code"]: (int(row["status"]), row[""] == "↻", row["type"]) for row in rows}
    assert shown == {code: (kind.status, kind.retry, kind.openai_type) for code, kind in KINDS.items()}


def test_every_5xx_says_what_to_do() -> None:
    rows = tables(page("docs/operating/troubleshooting.md").section("A caller gets 5xx"))[0]
    assert {(int(row["status"]), row["code"]) for row in rows} == {
        (kind.status, code) for code, kind in KINDS.items() if kind.status >= 500
    }


def limit_rows() -> list[dict[str, str]]:
    return [row for table in tables(page("docs/reference/limits.md").text) for row in table if "name" in row]


def test_limits_are_those_of_the_defaults() -> None:
    sections = tomllib.loads((ROOT / "config" / "defaults.toml").read_text("utf-8"))
    defaults = {name: value for section in sections.values() for name, value in section.items()}
    assert {row["name"]: float(row["default"]) for row in limit_rows()} == pytest.approx(defaults)


def test_a_limit_said_to_be_settable_is_read_somewhere() -> None:
    code = "\n".join(
        path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    )
    settable = [row["name"] for row in limit_rows()]
    assert [name for name in settable if not re.search(rf"limits\.{name}\b", code)] == []


def test_limits_of_the_format() -> None:
    rows = {row["what"]: row["limit"] for row in tables(page("docs/reference/limits.md").text)[-1]}
    assert rows["n` of a chat call"] == str(facts.CHOICES_MAX)
    assert rows["API key"] == f"{auth.KEY_CHARACTERS_MAX} characters"
    assert rows["Idempotency-Key"] == f"{idempotency.KEY_CHARACTERS_MAX} characters"
    assert rows["X-Voucher-Tag"] == f"{calls.TAG_CHARACTERS_MAX} characters"


def commands(command: Any, name: str = "") -> dict[str, set[str]]:
    """command -> its options that are shown, without --help."""
    if isinstance(command, TyperGroup):
        found: dict[str, set[str]] = {}
        for word, inner in command.commands.items():
            if not inner.hidden:
                found |= commands(inner, f"{name} {word}".strip())
        return found
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    options = {option for parameter in shown for option in parameter.opts if option.startswith("--")}
    return {name: options - {"--help"}}


def test_the_command_line_is_the_program_s_own() -> None:
    reference = page("docs/reference/command-line.md")
    shown = {}
    for heading in re.findall(r"^## `([a-z ]+)`$", reference.text, re.MULTILINE):
        rows = tables(reference.section(f"`{heading}`"))[0]
        shown[heading] = {row["option"] for row in rows}
    assert shown == commands(typer.main.get_command(app))


def test_every_environment_variable_is_told() -> None:
    text = page("docs/operating/running.md").section("Environment")
    assert [variable for variable in FROM_ENVIRONMENT.values() if f"`{variable}`" not in text] == []


def test_the_demo_vendor_knows_every_word_told() -> None:
    shown = page("docs/operating/demo-vendor.md")
    effects, breakages, options = tables(shown.text)
    bodies = [{"messages": [{"content": row["word"]}]} for row in [*effects, *breakages]]
    orders = [read_orders(body, {}) for body in bodies]
    assert Orders() not in orders
    assert {name for order in orders for name in order.faults} >= FAULTS
    told = {word for row in options for word in re.findall(r"--[a-z-]+", row["option"])}
    usage = subprocess.run(
        [sys.executable, "-m", "launch.demo_vendor", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert told == set(re.findall(r"--[a-z-]+", usage.partition("Example")[0])) - {"--help"}


def metrics_rows() -> dict[str, tuple[str, tuple[str, ...]]]:
    rows = tables(page("docs/operating/metrics-and-logs.md").section("Metrics"))[0]
    return {
        row["metric"]: (
            row["type"],
            tuple(sorted(re.findall(r"\w+", row["labels"]))),
        )
        for row in rows
    }


def test_metrics_are_those_of_the_gateway_and_the_worker() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry, lambda line: None)
    telemetry.tell(
        CallRecord(
            request_id="r",
            route="/v1/chat/completions",
            started_s=0.0,
            product="p",
            charge_micro=1,
            input_tokens=1,
            output_tokens=1,
        )
    )
    telemetry.publish()
    telemetry.unbooked.labels("p").inc()
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
        found[name] = (metric.type, tuple(sorted(labels)))
    found |= {f"voucher_worker_{name}_total": ("counter", ()) for name in COUNTED}
    assert metrics_rows() == found


def test_the_call_s_line_has_the_fields_that_are_told() -> None:
    rows = tables(page("docs/operating/metrics-and-logs.md").section("Logs"))[0]
    told = {name for row in rows for name in re.findall(r"\w+", row["field"])}
    lines: list[bytes] = []
    Telemetry(CollectorRegistry(), lines.append).tell(
        CallRecord(request_id="r", route="other", started_s=0.0)
    )
    [line] = [orjson.loads(line) for line in lines]
    assert told == set(line) - {"event", "process", "process_id", "level", "at"}
    assert {field.name for field in fields(CallRecord)} - {"started_s", "provider"} <= told


def test_what_a_translation_does_not_pass_on() -> None:
    rows = tables(
        page("docs/reference/dialects.md").section("A caller of one dialect, a product of another")
    )[0]
    told = {
        row["caller's dialect"]: set(re.findall(r"\w+", row["not passed to another dialect"])) for row in rows
    }
    words = {"of", "a", "an", "tool", "item", "part", "block", "former", "answer", "function"}
    assert told["openai"] - words == (
        openai_hear.HINTS | openai_messages.PART_HINTS | openai_messages.ANSWER_HINTS
    )
    assert told["openai`, responses"] - words == responses_hear.HINTS.union(
        responses_items.ITEM_HINTS, responses_items.PART_HINTS, responses_items.ANSWER_HINTS,
        responses_items.CALL_HINTS, responses_tools.FUNCTION_HINTS,
    )  # fmt: skip
    assert told["anthropic"] - words == (
        anthropic_hear.HINTS | anthropic_hear.TOOL_HINTS | anthropic_blocks.BLOCK_HINTS
    )
    assert told["gemini"] - words == (
        gemini_hear.HINTS | gemini_contents.PART_HINTS | gemini_hear.FUNCTION_HINTS
    )
    assert told["clova"] - words == clova_hear.HINTS
    section = page("docs/reference/dialects.md").section("A caller of one dialect, a product of another")
    for vendor, hints in (
        ("CLOVA Studio", clova_ask.HINTS),
        ("Gemini", gemini_ask.HINTS),
        ("Cohere", cohere_ask.HINTS),
        ("Ollama", ollama_ask.HINTS),
        ("Bedrock's Converse", bedrock_ask.HINTS),
    ):
        [to_vendor] = [text for text in section.split("\n\n") if text.startswith(f"{vendor} has no place")]
        assert set(re.findall(r"`(\w+)`", to_vendor)) == {hint.split(".")[-1] for hint in hints}


def test_every_refusal_is_in_troubleshooting() -> None:
    """Sentences that end a command with exit code 2; `…` stands for what varies."""
    told = page("docs/operating/troubleshooting.md").section("A command ends with exit code 2")
    sentences = [
        sentence
        for line in told.splitlines()
        if line.startswith("| `")
        for sentence in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    ]
    assert len(sentences) > 25
    patterns = [re.compile(".*".join(re.escape(piece) for piece in text.split("…"))) for text in sentences]
    silent = [text for text in refusals() if not any(p.fullmatch(text) for p in patterns)]
    assert not silent, "\n".join(silent)


def refusals() -> list[str]:
    """The texts of every refusal in the launcher and the settings, with X for what varies."""
    found = []
    for path in [*(ROOT / "launch").glob("*.py"), *(ROOT / "config").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "Refused",
                "ServerRefused",
                "BadSettings",
            ):
                found += [text for argument in node.args if (text := _text(argument)) is not None]
    assert len(found) > 25
    return found


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "X" for part in node.values)
    if isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == "PREFIX":
        return PREFIX
    if isinstance(node, ast.BoolOp):
        return _text(node.values[-1])
    return None  # a text made elsewhere
