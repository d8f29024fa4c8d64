"""A data directory is ours, one run's at a time, and gone again where the first start failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.data_dir import MARKER, claim
from launch.refusal import Refused


def test_made_with_its_parents_and_undone_with_them(tmp_path: Path) -> None:
    claimed = claim(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "postgres").mkdir()
    claimed.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_of_somebody_stays_when_undone(tmp_path: Path) -> None:
    claimed = claim(tmp_path)
    assert claimed.fresh
    claimed.discard()
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.exists()


def test_state_of_an_earlier_run_is_never_discarded(tmp_path: Path) -> None:
    claim(tmp_path / "state").close()
    (tmp_path / "state" / "precious").touch()
    again = claim(tmp_path / "state")
    assert not again.fresh
    again.discard()
    assert (tmp_path / "state" / "precious").exists()


def test_what_has_served_is_never_discarded(tmp_path: Path) -> None:
    claimed = claim(tmp_path / "state")
    (tmp_path / "state" / "books").touch()
    claimed.keep()
    claimed.discard()
    assert (tmp_path / "state" / "books").exists()


def test_what_somebody_put_there_meanwhile_stops_nothing(tmp_path: Path) -> None:
    claimed = claim(tmp_path / "a" / "b")
    (tmp_path / "a" / "theirs").touch()
    claimed.discard()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"letter.txt": "x"}, "belongs to something else"),
        ({MARKER: "{}"}, "cannot be understood"),
        ({MARKER: '{"layout": 99}'}, "has layout 99"),
    ],
)
def test_what_is_not_ours_is_refused_and_untouched(
    tmp_path: Path, content: dict[str, str], said: str
) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Refused, match=said):
        claim(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == content


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="is a file"):
        claim(tmp_path / "file")
    with pytest.raises(Refused, match="cannot be made"):
        claim(tmp_path / "file" / "below")
