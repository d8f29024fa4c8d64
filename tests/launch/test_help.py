"""What the command line says of itself."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.launch.running_up import refused

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def told(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "launch", *words], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_the_version_is_the_package_s() -> None:
    version = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"]
    assert told("--version") == f"voucher-gateway {version}\n"


def test_help_tells_the_exit_codes() -> None:
    assert "Exit codes: 0 done, 1 a finding or failure, 2 bad input" in " ".join(told("--help").split())


def test_help_of_user_add_explains_each_word() -> None:
    help_of = " ".join(told("user", "add", "--help").split())
    assert "user add [OPTIONS] {EMAIL}" in help_of
    for line in ("EMAIL <str> By which", "--role ROLE operator", "--company ID Whose", "--provider ID Whose"):
        assert line in help_of, help_of


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply",), "Missing argument 'FILE'; `voucher-gateway apply --help` shows what there is.\n"),
        (("nonsense",), "No such command 'nonsense'; `voucher-gateway --help` shows what there is.\n"),
        (("up", "--nope"), "No such option: --nope; `voucher-gateway up --help` shows what there is.\n"),
    ],
)
def test_a_slip_of_the_keyboard_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    assert refused(*words) == (2, said)


def test_who_says_nothing_is_shown_what_there_is_to_say() -> None:
    code, said = refused()
    assert (code, said.startswith("Usage: voucher-gateway [OPTIONS] COMMAND")) == (2, True)
