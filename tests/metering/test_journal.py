"""What a process wrote down survives it: segments, their removal, and their adoption once it is dead."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from metering.journal import EVENT_BYTES_MAX, Journal, JournalFailed, adopt_orphans
from tests.fakes.full_disk import full_disk


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def adopted(directory: Path) -> list[bytes]:
    """The events of the dead, taken over for good."""
    found: list[bytes] = []
    for orphan in adopt_orphans(directory):
        found += orphan.events
        orphan.release()
    return found


def test_what_is_written_is_there_until_it_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "unposted", "g1", segment_bytes_max=80)
    journal.append(("a", "g1"), b"A")
    journal.append(("b", "g1"), b"B")
    [path] = (tmp_path / "deep" / "unposted").iterdir()
    assert path.read_bytes() == b"A\nB\n"
    assert path.stat().st_mode & 0o777 == 0o600
    journal.forget(("a", "g1"))
    journal.forget(("nobody", "g1"))
    assert path.exists()
    journal.close()
    assert path.exists(), "b is not acknowledged"
    assert adopted(path.parent) == [b"A", b"B"], "an event sent twice is booked once; a lost one never"
    assert not path.exists()


def test_a_full_segment_is_followed_by_another_and_removed_once_acknowledged(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "g1", segment_bytes_max=16)
    for op in "abcdef":
        journal.append((op, "g1"), op.encode() * 7)
    assert names(tmp_path) == ["g1.1.log", "g1.2.log", "g1.3.log"]
    journal.forget(("c", "g1"))
    journal.forget(("d", "g1"))
    assert names(tmp_path) == ["g1.1.log", "g1.3.log"]
    journal.forget(("a", "g1"))
    assert names(tmp_path) == ["g1.1.log", "g1.3.log"]
    journal.forget(("b", "g1"))
    assert names(tmp_path) == ["g1.3.log"]
    journal.append(("g", "g1"), b"g" * 7)
    for op in "efg":
        journal.forget((op, "g1"))
    journal.close()
    assert names(tmp_path) == []


def test_a_calls_later_line_takes_the_place_of_its_earlier_one(tmp_path: Path) -> None:
    """A checkpoint in an old segment keeps it no longer than the call's end, which stands in a later one."""
    journal = Journal(tmp_path, "g1", segment_bytes_max=4)
    journal.append(("a", "g1"), b"checkpoint")
    journal.append(("b", "g1"), b"of another call")
    assert len(names(tmp_path)) == 2
    journal.append(("a", "g1"), b"the end")
    assert names(tmp_path) == ["g1.2.log", "g1.3.log"]
    journal.forget(("b", "g1"))
    journal.forget(("a", "g1"))
    journal.close()
    assert names(tmp_path) == []


def test_the_current_segment_is_turned_over_where_it_is_worth_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "g1", segment_bytes_max=80)
    journal.append(("a", "g1"), b"A")
    journal.forget(("a", "g1"))
    assert names(tmp_path) == ["g1.1.log"], "two bytes are not worth a new file"
    journal.append(("b", "g1"), b"B" * 10)
    journal.forget(("b", "g1"))
    assert names(tmp_path) == ["g1.2.log"]
    journal.append(("c", "g1"), b"C")
    assert (tmp_path / "g1.2.log").read_bytes() == b"C\n"
    journal.close()


def test_a_torn_or_absurd_line_is_no_event(tmp_path: Path) -> None:
    lines = [b"whole", b"x" * (EVENT_BYTES_MAX + 1), b"", b"also", b'{"torn": ']
    (tmp_path / "dead.1.log").write_bytes(b"\n".join(lines))
    (tmp_path / "empty.1.log").write_bytes(b"")
    (tmp_path / "unrelated.txt").write_bytes(b"not ours\n")
    assert adopted(tmp_path) == [b"whole", b"also"]
    assert names(tmp_path) == ["unrelated.txt"]


def test_the_living_are_left_alone(tmp_path: Path) -> None:
    living, dead = Journal(tmp_path, "living"), Journal(tmp_path, "dead")
    living.append(("a", "g1"), b"A")
    dead.append(("b", "g1"), b"B")
    dead.close()
    assert adopted(tmp_path) == [b"B"]
    assert names(tmp_path) == ["living.1.log"]
    living.append(("c", "g1"), b"C")
    assert (tmp_path / "living.1.log").read_bytes() == b"A\nC\n"
    living.close()
    assert adopted(tmp_path) == [b"A", b"C"]


def test_what_one_has_adopted_no_other_adopts(tmp_path: Path) -> None:
    dead = Journal(tmp_path, "dead")
    dead.append(("a", "g1"), b"A")
    dead.close()
    [orphan] = adopt_orphans(tmp_path)
    assert adopt_orphans(tmp_path) == []
    orphan.release()


def test_a_process_that_is_killed_leaves_its_journal(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        Journal(tmp_path, "child").append(("a", "child"), b"A")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert adopted(tmp_path) == [b"A"]


def test_a_name_that_stands_there_already_is_not_written_to(tmp_path: Path) -> None:
    """Else we would hold the lock of a dead namesake, and nobody could adopt what it wrote."""
    (tmp_path / "g1.1.log").write_bytes(b"of the dead\n")
    journal = Journal(tmp_path, "g1")
    journal.append(("a", "g1"), b"A")
    assert adopted(tmp_path) == [b"of the dead"]
    assert names(tmp_path) == ["g1.2.log"]
    journal.close()


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "g1")
    journal.append(("a", "g1"), b"A" * 9)
    with full_disk(10), pytest.raises(JournalFailed, match=os.strerror(errno.EFBIG)):
        journal.append(("b", "g1"), b"B")
    journal.append(("c", "g1"), b"C")
    journal.close()
    assert adopted(tmp_path) == [b"A" * 9, b"C"]


def test_a_half_written_event_spoils_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "g1")
    journal.append(("a", "g1"), b"A")
    with full_disk(6), pytest.raises(JournalFailed, match="a part"):
        journal.append(("b", "g1"), b"B" * 20)
    journal.append(("c", "g1"), b"C")
    journal.close()
    assert names(tmp_path) == ["g1.1.log", "g1.2.log"]
    assert adopted(tmp_path) == [b"A", b"C"]


def test_where_no_new_file_can_be_made_it_is_said_and_tried_again(tmp_path: Path) -> None:
    home = tmp_path / "unposted"
    journal = Journal(home, "g1", segment_bytes_max=2)
    journal.append(("a", "g1"), b"A")
    home.rename(tmp_path / "away")
    with pytest.raises(JournalFailed, match=os.strerror(errno.ENOENT)):
        journal.append(("b", "g1"), b"B")
    (tmp_path / "away").rename(home)
    journal.append(("c", "g1"), b"C")
    journal.close()
    assert adopted(home) == [b"A", b"C"]


def test_a_half_written_event_where_no_new_file_can_be_made_spoils_no_other(tmp_path: Path) -> None:
    home = tmp_path / "unposted"
    journal = Journal(home, "g1")
    journal.append(("a", "g1"), b"A")
    home.rename(tmp_path / "away")
    with full_disk(6), pytest.raises(JournalFailed):
        journal.append(("b", "g1"), b"B" * 20)
    (tmp_path / "away").rename(home)
    journal.append(("c", "g1"), b"C")
    journal.close()
    assert adopted(home) == [b"A", b"C"]


def test_forgetting_needs_no_new_file(tmp_path: Path) -> None:
    """An acknowledgement is never lost to a full disk."""
    home = tmp_path / "unposted"
    journal = Journal(home, "g1", segment_bytes_max=16)
    journal.append(("a", "g1"), b"A" * 20)
    home.rename(tmp_path / "away")
    journal.forget(("a", "g1"))
    (tmp_path / "away").rename(home)
    journal.append(("b", "g1"), b"B")
    journal.close()
    assert adopted(home)[-1] == b"B"
