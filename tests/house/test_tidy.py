"""The house stays tidy: sizes ratchet down, pure modules stay pure, words mean one thing.

The rules that ruff, mypy and import-linter do not have. A rule that fails names the file and what to do.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("gateway", "providers", "metering", "billing", "portal", "launch", "config")
EVERYTHING: Final = (*PACKAGES, "tests", "bench")

FILE_LINES_AIM, FILE_LINES_WALL = 250, 500
FUNCTION_LINES_AIM, FUNCTION_LINES_WALL = 40, 70
TEST_FUNCTION_LINES_WALL = 100  # a conversation reads best whole
RATCHET_SLACK_LINES: Final = 5

# Modules that decide and never wait: no clock, no randomness, no I/O. They are handed what they need.
PURE: Final = (
    "metering/money.py",
    "metering/usage.py",
    "metering/pr*.py",
    "metering/shares.py",
    "metering/directory.py",
    "metering/keys.py",
    "metering/event.py",
    "metering/hold.py",
    "metering/granting.py",
    "metering/habit.py",
    "providers/sse.py",
    "providers/anthropic/*.py",
    "providers/bedrock/*.py",
    "providers/openai*/*.py",
    "providers/bounds.py",
    "providers/dialect*.py",
    "providers/facts.py",
    "providers/forms.py",
    "providers/json_depth.py",
    "providers/vendor_text.py",
    "providers/quirks.py",
    "providers/health.py",
    "providers/errors.py",
    "providers/addresses.py",
    "providers/catalogue.py",
    "gateway/auth.py",
    "gateway/admission.py",
    "gateway/routing.py",
    "gateway/exchange.py",
    "gateway/hidden.py",
    "gateway/problems.py",
    "billing/declaration/fi*.py",
    "billing/declaration/[gjmpry]*.py",
    "billing/audit/bundle_rows.py",
    "billing/audit/head.py",
    "billing/audit/judging_heads.py",
    "billing/audit/leaf.py",
    "billing/audit/manifest.py",
    "billing/audit/merkle.py",
    "billing/audit/rebuilding.py",
    "billing/audit/receipt.py",
    "billing/audit/values.py",
    "billing/corrections/[bj]*.py",
    "billing/ledger/accounts.py",
    "billing/ledger/journal.py",
    "billing/ledger/lines.py",
    "billing/ledger/rules.py",
    "billing/lifecycle/*.py",
    "billing/reconciliation/[mr]*.py",
    "billing/statements/[almw]*.py",
    "billing/statements/s[ht]*t.py",
    "billing/ledger/own_rules.py",
    "billing/ledger/payable_*.py",
    "billing/payments/amounts.py",
    "billing/payments/facts.py",
    "billing/payments/stripe_reading.py",
    "billing/payables/facts.py",
    "billing/payables/owed.py",
    "billing/payables/stripe_reading.py",
    "portal/api/bodies.py",
    "portal/api/show.py",
    "portal/api/show_payments.py",
    "portal/api/show_payables.py",
    "portal/attempts.py",
    "portal/pages.py",
    "portal/web/facts.py",
    "portal/web/form*.py",
    "portal/web/texts/*.py",
    "portal/web/words.py",
)
IMPURE_IMPORTS: Final = frozenset(
    {"asyncio", "os", "time", "random", "secrets", "socket", "logging", "structlog", "aiohttp", "redis"}
    | {"psycopg", "psycopg_pool", "subprocess", "threading", "uuid"}
)
PURE_USE: Final = {"providers/addresses.py": {"socket"}}  # its parsing of addresses, which opens nothing
CLOCK_CALLS: Final = frozenset({"now", "utcnow", "today"})

VAGUE_NAMES: Final = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc", "core"})
FORBIDDEN_WORDS: Final = re.compile(r"\btransactions?\b|\bcredits?\b", re.IGNORECASE)
# Where a database's own word is meant: code that speaks SQL, and accounting's debit and credit.
WORDS_ALLOWED_IN: Final = (
    "billing/",
    "launch/embedded_postgres.py",
    "launch/user_add.py",
    "portal/api/idempotency.py",
    "portal/api/route.py",
    "portal/people.py",
    "portal/web/serving.py",
)
MACHINE_PATHS: Final = re.compile(r"(?<![\w.])/(?:home|Users|work)/[a-z]")


@cache
def sources(*packages: str) -> tuple[Path, ...]:
    return tuple(
        sorted(
            path
            for package in packages
            for path in (ROOT / package).rglob("*.py")
            if "build" not in path.parts
        )
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def allowed(table: str) -> dict[str, int]:
    sizes: dict[str, dict[str, int]] = tomllib.loads(
        (Path(__file__).parent / "sizes.toml").read_text("utf-8")
    )
    return sizes[table]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """(qualified name, lines without decorators) of each function; a nested one counts for its parent too."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                continue  # most of a tree, and no function with a name in it
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                assert child.end_lineno is not None
                yield f"{prefix}{child.name}", child.end_lineno - child.lineno + 1
                yield from walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    return walk(tree_of(path), f"{name_of(path)}::")


def ratchet(found: dict[str, int], table: str, *, aim: int, wall: int) -> list[str]:
    """What is wrong: too large without an entry, grown beyond it, above the wall, an entry too generous."""
    entries = allowed(table)
    wrong = []
    for name, size in found.items():
        if size > wall and not name.startswith("tests/"):
            wrong.append(f"{name} has {size} lines, the wall is {wall}: split it")
        elif size > aim and name not in entries:
            wrong.append(f"{name} has {size} lines, the aim is {aim}: split it (or enter it in sizes.toml)")
        elif name in entries and size > entries[name]:
            wrong.append(f"{name} grew to {size} lines, sizes.toml says {entries[name]}")
    for name, size in entries.items():
        if found.get(name, 0) <= aim:
            wrong.append(f"{name} is within the aim now: take it out of sizes.toml")
        elif found[name] < size - RATCHET_SLACK_LINES:
            wrong.append(f"{name} shrank to {found[name]} lines: lower it in sizes.toml")
    return wrong


def test_files_fit_in_the_head() -> None:
    found = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in sources(*EVERYTHING)}
    assert ratchet(found, "files", aim=FILE_LINES_AIM, wall=FILE_LINES_WALL) == []


def test_functions_fit_on_a_screen() -> None:
    found = dict(size for path in sources(*EVERYTHING) for size in functions(path))
    tests = {name: size for name, size in found.items() if name.startswith("tests/")}
    high = [name for name, size in tests.items() if size > TEST_FUNCTION_LINES_WALL]
    assert high == []
    assert ratchet(found, "functions", aim=FUNCTION_LINES_AIM, wall=FUNCTION_LINES_WALL) == []


def pure_modules() -> list[Path]:
    return sorted({path for pattern in PURE for path in ROOT.glob(pattern)})


def runtime_imports(tree: ast.Module) -> Iterator[str]:
    """Top-level names of what a module imports; what only a type checker sees does not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.split(".")[0]


def test_pure_modules_do_not_wait_or_look_at_the_clock() -> None:
    found = {name_of(path): impurities(path) for path in pure_modules()}
    assert len(found) > 100
    assert {name: words for name, words in found.items() if words} == {}


def impurities(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    impure = sorted(set(runtime_imports(tree)) & IMPURE_IMPORTS - PURE_USE.get(name_of(path), set()))
    waits = [n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)]
    clocks = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_CALLS
        and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime", "datetime.date"}
    ]
    return [*impure, *waits, *clocks]


@pytest.mark.parametrize("package", EVERYTHING)
def test_every_module_says_why_it_exists(package: str) -> None:
    silent = [
        name_of(path)
        for path in sources(package)
        if path.read_text("utf-8").strip() and ast.get_docstring(tree_of(path)) is None
    ]
    assert silent == []


def test_no_module_has_a_vague_name() -> None:
    vague = [
        name_of(p) for p in sources(*EVERYTHING) if p.stem in VAGUE_NAMES or p.parent.name in VAGUE_NAMES
    ]
    assert vague == []


def test_words_that_mean_five_things_are_not_used() -> None:
    found = [
        f"{name_of(path)}:{number}: {match.group()}"
        for path in sources(*PACKAGES)
        if not name_of(path).startswith(WORDS_ALLOWED_IN)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (match := FORBIDDEN_WORDS.search(line)) and ".transaction(" not in line
    ]
    assert found == []


def test_no_path_of_one_machine_is_written_down() -> None:
    texts = [*sources(*EVERYTHING), *ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "Makefile"]
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in texts
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    """tests/ has no packages, so two files of one name would be one module."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_only_config_looks_at_the_environment() -> None:
    looks = re.compile(r"\bos\.(environ|getenv)\b")
    found = [
        name_of(path)
        for path in sources(*PACKAGES)
        if not name_of(path).startswith("config/") and looks.search(path.read_text("utf-8"))
    ]
    assert found == []


def test_importing_does_nothing() -> None:
    """No call at module level that opens, starts or connects anything."""
    starts = re.compile(r"^(?:\w+\s*(?::[^=]+)?=\s*)?(?:await\s+)?[\w.]*\b(connect|open|run|start|Popen)\(")
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*PACKAGES)
        for node in tree_of(path).body
        if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign) and starts.match(ast.unparse(node))
    ]
    assert found == []
