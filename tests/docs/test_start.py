"""The tutorial and the first screen, done as they are written: each example is run against a running demo."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from metering.money import parse_krw
from tests.docs.pages import Page, page
from tests.launch.running_up import RunningUp, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the examples call curl"),
]

PRINTED_ADDRESS: Final = "http://127.0.0.1:8080"
PLACEHOLDER: Final = "vg_demo_..."


class Reader:
    """Somebody who pastes examples, with the key and the address of their own screen."""

    def __init__(self, up: RunningUp) -> None:
        self.address = up.address("data plane")
        self.key = json.loads((up.data_dir / "demo-logins.json").read_text("utf-8"))["api_key"]

    def paste(self, example: str) -> str:
        return self._run(["bash", "-eu", "-o", "pipefail", "-c", self._own(f"KEY={PLACEHOLDER}\n{example}")])

    def run_python(self, example: str) -> str:
        return self._run([sys.executable, "-c", self._own(example)])

    def _own(self, example: str) -> str:
        return example.replace(PRINTED_ADDRESS, self.address).replace(PLACEHOLDER, self.key)

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"KEY": self.key, "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    up = RunningUp(tmp_path_factory.mktemp("demo") / "state", "--demo")
    try:
        up.wait_ready(until="curl -s")
        yield Reader(up)
        assert up.end() == 0
    finally:
        up.kill_quietly()


def shell_example(shown: Page, having: str) -> str:
    [example] = [example for example in shown.fences("sh") if having in example]
    return example


def spent_micro(reader: Reader) -> int:
    shown = json.loads(reader.paste(f'curl -s {PRINTED_ADDRESS}/v1/voucher -H "Authorization: Bearer $KEY"'))
    [voucher] = shown["vouchers"]
    return sum(parse_krw(voucher[source]["spent_krw"]) for source in ("government", "self"))


def last_calls(reader: Reader, query: str = "") -> list[dict[str, Any]]:
    address = f"{PRINTED_ADDRESS}/v1/usage?{query}"
    calls: list[dict[str, Any]] = json.loads(
        reader.paste(f"curl -s '{address}' -H \"Authorization: Bearer $KEY\"")
    )["data"]
    return calls


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_first_screen(reader: Reader, name: str) -> None:
    before = spent_micro(reader)
    answer, voucher = _documents(reader.paste(shell_example(page(name), "/v1/voucher")))
    assert answer["model"] == "nuri-x1"
    assert voucher["company"] == "gaonde"
    assert spent_micro(reader) > before
    for example in page(name).fences("python"):
        assert "CompletionUsage" in reader.run_python(example)


def _documents(text: str) -> list[Any]:
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        value, place = decoder.raw_decode(text, place)
        found.append(value)
        place = re.compile(r"\s*").match(text, place).end()  # type: ignore[union-attr]
    return found


def test_a_call_shows_its_charge_in_the_head(reader: Reader) -> None:
    before = spent_micro(reader)
    head = reader.paste(shell_example(page("docs/start.md"), "curl -si")).partition("\r\n\r\n")[0].lower()
    shown = re.search(r"x-voucher-charge-krw: ([\d.]+)", head)
    assert shown is not None
    assert spent_micro(reader) - before == parse_krw(shown[1])
    assert "x-voucher-usage-id: " in head
    assert "x-voucher-available-krw: " in head


def test_voucher_and_usage(reader: Reader) -> None:
    shown = reader.paste(shell_example(page("docs/start.md"), "json.tool"))
    assert '"granted_krw": "7500000"' in shown
    assert '"data": [' in shown


def test_a_stream_tells_its_charge_before_its_end(reader: Reader) -> None:
    stream = reader.paste(shell_example(page("docs/start.md"), "curl -sN"))
    assert re.search(r"\n\n: voucher charge_krw=[\d.]+ available_krw=[\d.]+\n\ndata: \[DONE\]\n\n$", stream)


def test_the_openai_package(reader: Reader) -> None:
    [example] = page("docs/start.md").fences("python")
    said = reader.run_python(example)
    assert "tokens" in said
    assert said.endswith("2 vectors\n")
    wait_until(lambda: last_calls(reader, "tag=tutorial") != [])
    [call] = last_calls(reader, "tag=tutorial")
    assert call["product"] == "nuri-x1"


def test_asking_twice_pays_once(reader: Reader) -> None:
    example = shell_example(page("docs/start.md"), "Idempotency-Key")
    first, second = _documents(reader.paste(example))
    assert first == second
    after = spent_micro(reader)
    assert _documents(reader.paste(example)) == [first, first]
    assert spent_micro(reader) == after


def test_a_broken_stream_is_charged_as_an_estimate(reader: Reader) -> None:
    example = shell_example(page("docs/operating/demo-vendor.md"), "fault:cut_after=3")
    stream = reader.paste(example.partition("curl -s 'http")[0])
    assert '"code":"upstream_error"' in stream
    assert "[DONE]" not in stream
    wait_until(lambda: [c["end_reason"] for c in last_calls(reader, "limit=1")] == ["upstream_error"])
    [call] = last_calls(reader, "limit=1")
    assert call["estimated"] is True


def test_the_tutorial_has_no_example_that_is_not_tried() -> None:
    tried = ("curl -si", "json.tool", "curl -sN", "Idempotency-Key")
    setting_up = ("make demo", "pip install openai", "apply programme.yaml")
    for example in page("docs/start.md").fences("sh"):
        assert any(word in example for word in (*tried, *setting_up)), example
