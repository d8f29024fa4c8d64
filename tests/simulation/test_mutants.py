"""Each safeguard is missed: without it, its seed breaks an invariant; with it, the same seed does not.

`make campaign` looks for them; the suite only sees that the list is whole and its texts are still there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.short_dir import short_dir
from tests.simulation.campaign import SUITE_SEEDS, find, own_postgres
from tests.simulation.found import FOUND, NAMED, SURVIVORS
from tests.simulation.history import Result
from tests.simulation.mutant_list import MUTANTS
from tests.simulation.mutants import Change, Mutant, NoSuchText, changed, fresh_processes
from tests.simulation.safeguards import PAGE, page_text
from tests.simulation.without import run_without

ROOT: Final = Path(__file__).resolve().parent.parent.parent
OTHERS: Final = 100
ALL: Final = {mutant.name: mutant for mutant in MUTANTS}


@pytest.fixture(scope="module")
def url_of() -> Iterator[str]:
    with own_postgres(short_dir()) as url:
        yield url


@pytest.mark.parametrize("mutant", MUTANTS, ids=ALL)
def test_its_text_is_where_it_says(mutant: Mutant) -> None:
    for change in mutant.changes:
        text = (ROOT / change.path).read_text(encoding="utf-8")
        assert changed(change.path, text, mutant.changes) != text


@pytest.fixture(scope="module")
def missed(url_of: str) -> dict[str, Result | None]:
    """What breaks without each; in as many processes at once as there are cores, each with its own text."""

    def search(name: str) -> Result | None:
        seed, _ = FOUND[name]
        return find(url_of, [seed, *range(seed + 1, seed + OTHERS)], processes=1, mutant=name)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(zip(FOUND, threads.map(search, FOUND), strict=True))


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FOUND)
def test_a_removed_safeguard_is_missed(missed: dict[str, Result | None], name: str) -> None:
    """By the seed that was written down; where the code has moved on since, by one of the next."""
    assert missed[name] is not None, f"nothing misses it any more from seed {FOUND[name][0]} on"


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_with_all_safeguards_the_same_seeds_are_sound(url_of: str) -> None:
    """Those that test_simulation.py does not run anyway."""
    seeds = sorted({seed for seed, _ in FOUND.values() if seed >= SUITE_SEEDS})
    assert not seeds or find(url_of, seeds, processes=os.cpu_count() or 1, mutant=None) is None


@pytest.mark.campaign
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMED)
def test_the_named_tests_fail_without_it(name: str, tmp_path: Path) -> None:
    """In a process of their own, in which the safeguard was taken away before anything was imported."""
    tests, said = NAMED[name], tmp_path / "said"
    process = fresh_processes().Process(target=run_without, args=(name, tests, said))
    process.start()
    process.join(280)
    process.kill()
    words = said.read_text("utf-8")
    # One is enough: some of them measure time, and a busy machine may hide what they look for.
    assert [test for test in tests if f"FAILED {test}" in words], words
    assert " error" not in words.splitlines()[-1], words


@pytest.mark.parametrize("test", sorted({test for tests in NAMED.values() for test in tests}))
def test_a_named_test_is_where_it_is_said_to_be(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text("utf-8")


def test_every_safeguard_is_found_or_named_or_said_to_survive() -> None:
    assert sorted([*FOUND, *NAMED, *SURVIVORS]) == sorted(ALL)


def test_the_page_says_what_was_found() -> None:
    assert page_text() in PAGE.read_text(encoding="utf-8"), "run python -m tests.simulation --safeguards"


def test_a_text_that_is_gone_is_said() -> None:
    with pytest.raises(NoSuchText):
        changed("a.lua", "return 1", [Change("a.lua", "return 2", "return 3")])
