"""Documents do not rot: links lead somewhere, examples compile, commands and options exist."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from launch.cli import app
from tests.docs.pages import ROOT, Page, page, pages, tables

MACHINE_PATHS: Final = re.compile(r"(?<![\w.])/(?:home|Users|work)/[a-z]")
# Programs that examples may call beside our own; each is on the machine the page names.
PROGRAMS: Final = frozenset(
    {"curl", "python3", "export", "make", "pip", "python", "for", "do", "done", "docker", "apt-get"}
    | {"useradd", "install", "systemctl", "set", "."}
)
INSTALLED: Final = re.compile(r"^(?:\.venv|/opt/voucher-gateway)/bin/")
MAKE_TARGETS: Final = frozenset(
    re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
)


def test_links_lead_somewhere() -> None:
    assert {shown.name: dead for shown in pages() if (dead := dead_links(shown))} == {}


def dead_links(shown: Page) -> list[str]:
    dead = []
    for link in shown.links():
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        path = (shown.path.parent / target).resolve() if target else shown.path
        if (
            not path.exists()
            or not path.is_relative_to(ROOT)
            or (anchor and anchor not in Page(path).anchors())
        ):
            dead.append(link)
    return dead


def test_pages_name_no_machine_of_ours() -> None:
    assert {shown.name: found for shown in pages() if (found := MACHINE_PATHS.findall(shown.text))} == {}


@pytest.mark.parametrize("shown", [p for p in pages() if p.fences("python")], ids=lambda shown: shown.name)
def test_python_examples_compile(shown: Page) -> None:
    for example in shown.fences("python"):
        compile(example, shown.name, "exec", dont_inherit=True)


@pytest.mark.parametrize("shown", [p for p in pages() if p.fences("yaml")], ids=lambda shown: shown.name)
def test_yaml_examples_are_yaml(shown: Page) -> None:
    for example in shown.fences("yaml"):
        yaml.safe_load(example)


@pytest.mark.parametrize("shown", [p for p in pages() if p.fences("sh")], ids=lambda shown: shown.name)
def test_shell_examples_parse_and_call_what_exists(shown: Page) -> None:
    for example in shown.fences("sh"):
        done = subprocess.run(["bash", "-n"], input=example, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        for words in commands_of(example):
            check_command(words)


def commands_of(example: str) -> Iterator[list[str]]:
    """Each command's words; variables set before it and what follows a pipe are other commands."""
    for line in example.replace("\\\n", " ").splitlines():
        for part in re.split(r"\s\|\s|;\s", line):
            words = shlex.split(part, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0], re.DOTALL):
                words = words[1:]
            if words[:1] == ["runuser"]:
                words = words[words.index("--") + 1 :]
            if words:
                yield words


def check_command(words: list[str]) -> None:
    program = INSTALLED.sub("", words[0])
    if program == "make":
        assert {word for word in words[1:] if "=" not in word} <= MAKE_TARGETS, words
    elif program == "voucher-gateway":
        check_our_own(words[1:])
    else:
        assert program in PROGRAMS, f"{program} is no program the reader is known to have"


def check_our_own(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= options


def test_the_unit_calls_what_exists() -> None:
    unit = (ROOT / "deploy" / "voucher-gateway.service").read_text("utf-8")
    [line] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    check_command(shlex.split(line))


def test_every_stop_of_the_walk_exists() -> None:
    walk = page("docs/follow-a-request.md")
    stops = re.findall(r"^- `([\w/.]+)`(?: · `([\w.]+)`)?", walk.text, re.MULTILINE)
    assert len(stops) > 30
    missing = [f"{path} {name}".strip() for path, name in stops if not is_there(path, name)]
    assert missing == []


def test_paths_named_in_prose_exist() -> None:
    """`folder/file.ext` in backticks is a promise wherever it begins with a folder of ours."""
    folders = "gateway|providers|metering|billing|portal|launch|config|tests|bench|deploy|docs"
    named = re.compile(rf"`((?:{folders})/[\w/.-]+\.(?:py|lua|toml|yaml|md|sql))`")
    missing = [
        f"{shown.name}: {path}"
        for shown in pages()
        for path in named.findall(shown.prose)
        if not (ROOT / path).exists()
    ]
    assert missing == []


def is_there(path: str, name: str) -> bool:
    file = ROOT / path
    if not file.exists() or not name:
        return bool(file.exists() and file.suffix != ".py")
    scope: ast.AST = ast.parse(file.read_text("utf-8"))
    for part in name.split("."):
        inner = [
            node
            for node in ast.iter_child_nodes(scope)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == part
        ]
        if not inner:
            return False
        scope = inner[0]
    return True


def test_every_decision_is_in_the_index_and_at_most_one_page() -> None:
    folder = ROOT / "docs" / "decisions"
    numbered = sorted(path for path in folder.glob("[0-9]*.md"))
    index = Page(folder / "README.md")
    assert {path.name for path in numbered} == {link for link in index.links() if link[:4].isdigit()}
    for path in numbered:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 60, f"{path.name}: a decision is one page"
        assert all(f"**{part}" in text or f"## {part}" in text for part in ("Context", "Decision")), path.name


def test_every_page_is_in_the_index() -> None:
    index = page("docs/README.md")
    listed = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links()}
    own = {one.path for one in pages() if one.name.startswith("docs/")} - {index.path}
    decisions = {path for path in own if path.parent.name == "decisions" and path.name != "README.md"}
    assert own - decisions - listed == set()


def test_both_first_screens_say_the_same() -> None:
    english, korean = page("README.md"), page("README.ko.md")
    assert english.fences("sh", "python") == korean.fences("sh", "python")
    assert [len(table) for table in tables(english.text)] == [len(table) for table in tables(korean.text)]
    assert {link for link in english.links() if "README" not in link} == {
        link for link in korean.links() if "README" not in link
    }
