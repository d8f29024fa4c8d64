"""`up --demo` as a person meets it: what the screen says works when pasted, and again after a restart."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.copied import finished
from tests.launch.running_up import RunningUp, refused, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    """In a directory whose name is too long for a socket's."""
    running = RunningUp(tmp_path_factory.mktemp("demo") / ("d" * 100), "--demo")
    yield running.wait_ready(until="\ncurl ")
    running.kill_quietly()


def ask(address: str, key: str) -> Any:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read())


def key_of(screen: str) -> str:
    found = re.search(r"API key\s+(vg_\S+)", screen)
    assert found is not None
    return found.group(1)


def log_in(office: str, email: str, password: str) -> int:
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(
        f"{office}/api/token", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert isinstance(answer.status, int)
        return answer.status


def command(*words: str) -> str:
    done = finished(*words)
    assert done.code == 0, done.errors
    return done.out


def test_apply_and_user_add_find_a_running_up(demo: RunningUp, tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("companies:\n  - {id: sori, name: 소리연구소, class: sme}\n", "utf-8")
    words = ("apply", str(file), "--json", "--data-dir", str(demo.data_dir))
    assert json.loads(command(*words)) == {"created": ["company/sori"], "changed": [], "api_keys": []}
    assert json.loads(command(*words)) == {"created": [], "changed": [], "api_keys": []}

    data_dir = ("--data-dir", str(demo.data_dir))
    link = command("user", "add", "Kim@Example.org", "--role", "company", "--company", "sori", *data_dir)
    with urllib.request.urlopen(link.strip(), timeout=5) as page:
        assert "kim@example.org" in page.read().decode()
    code, said = refused("user", "add", "a@b.kr", "--role", "company", "--company", "none", *data_dir)
    assert (code, said) == (2, "There is no company 'none'.\n")
    code, said = refused("user", "add", "a@b.kr", "--role", "king", *data_dir)
    assert (code, said.count("\n")) == (2, 1)


def test_the_screen_works_and_a_restart_is_as_before(demo: RunningUp) -> None:
    curl = demo.screen[demo.screen.index("\ncurl ") :].strip()
    answer = json.loads(subprocess.run(["sh", "-c", curl], capture_output=True, check=True).stdout)
    assert (answer["model"], answer["system_fingerprint"]) == ("nuri-x1", "simulation")
    tokens = answer["usage"]
    charge_micro = tokens["prompt_tokens"] * 1250 + tokens["completion_tokens"] * 5000

    key = key_of(demo.screen)
    voucher = ask(f"{demo.address('data plane')}/v1/voucher", key)["vouchers"][0]
    assert float(voucher["government"]["spent_krw"]) == charge_micro * 3 // 4 / 1_000_000
    logins = re.findall(r"(\S+@demo\.example)\s+(\S+)", demo.screen)
    assert len(logins) == 4
    assert {log_in(demo.address("office"), email, password) for email, password in logins} == {200}
    wait_until(lambda: ask(f"{demo.address('data plane')}/v1/usage", key)["data"][0]["posted"] is True)

    assert demo.end() == 0
    again = RunningUp(demo.data_dir, "--demo")
    try:
        again.wait_ready(until="\ncurl ")
        assert key_of(again.screen) == key
        assert re.findall(r"(\S+@demo\.example)\s+(\S+)", again.screen) == logins
        # What was lent to the data set of the first run counts as held until that is closed.
        wait_until(lambda: ask(f"{again.address('data plane')}/v1/voucher", key)["vouchers"] == [voucher])
    finally:
        again.kill_quietly()


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text('companies:\n  - id: a\n    name: x\n    class: sme\n    brn: "1234567890"\n', "utf-8")
    code, said = refused(
        "up",
        *("--data-dir", str(tmp_path / "state"), "--port", "0", "--office-port", "0", "--apply", str(file)),
    )
    assert code == 2
    assert said.startswith("wrong.yaml:5: companies[0].brn")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]
