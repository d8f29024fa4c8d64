"""What `verify` finds: a changed, dropped, added or reordered row of every table; rewritten history."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from billing.audit.bundle_files import FILES, BundleFiles, NotABundle
from billing.audit.exporting import NoProgramme
from billing.audit.head import Signer
from billing.audit.leaf import RECORD_TABLES
from billing.audit.verifying import verify_bundle
from billing.database import Pool
from tests.billing.audit.conftest import NOW, Bundle, Lines, export
from tests.fakes.audited_world import SEED, AuditedWorld

OTHER_SEED = bytes(32)
RECORD_FILES = tuple(f"{table}.tsv" for table in RECORD_TABLES)


def test_a_bundle_as_exported_is_sound(bundle: Bundle) -> None:
    assert bundle.findings() == []
    assert {name: len(bundle.read(name)) > 1 for name in FILES} == dict.fromkeys(FILES, True)


def with_digit(line: bytes) -> bytes:
    """Another last digit: a micro-won, a count, a token."""
    place = max(line.rfind(b"%d" % digit) for digit in range(10))
    return line[:place] + b"%d" % ((int(line[place : place + 1]) + 1) % 10) + line[place + 1 :]


TAMPERINGS: dict[str, Callable[[Lines], Lines]] = {
    "changed": lambda rows: [*rows[:-1], with_digit(rows[-1])],
    "first changed": lambda rows: [with_digit(rows[0]), *rows[1:]],
    "dropped": lambda rows: rows[1:],
    "last dropped": lambda rows: rows[:-1],
    "added": lambda rows: [*rows, rows[-1]],
    "reordered": lambda rows: [*rows[:-2], rows[-1], rows[-2]],
    "emptied": lambda rows: [],
}


@pytest.mark.parametrize("name", FILES)
def test_every_tampering_with_every_table_is_found(bundle: Bundle, tmp_path: Path, name: str) -> None:
    """Also where whoever did it has the key and makes the manifest fit."""
    missed = []
    for tampering, how in TAMPERINGS.items():
        tampered = bundle.copy(tmp_path / tampering)
        tampered.change(name, how)
        assert tampered.read(name) != bundle.read(name)
        if not tampered.findings():
            missed.append(tampering)
        tampered.sign()
        if not tampered.findings():
            missed.append(f"{tampering}, signed anew")
    assert missed == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_left_out_is_found(bundle: Bundle, name: str) -> None:
    (bundle.path / name).unlink()
    assert any(name in finding for finding in bundle.findings())


def test_a_file_too_many_is_found(bundle: Bundle) -> None:
    (bundle.path / "notes.txt").write_text("")
    assert bundle.findings() == ["the bundle's files are not those of the format: notes.txt"]


@pytest.mark.parametrize("table", RECORD_TABLES)
def test_a_rewritten_history_is_found_by_an_old_head(bundle: Bundle, tmp_path: Path, table: str) -> None:
    """All roots, the chain, the heads and the manifest made anew with the right key: only a head tells."""
    old = bundle.head()
    bundle.change(f"{table}.tsv", lambda rows: rows[:-1])
    bundle.log_again()
    assert not any("root" in finding for finding in bundle.findings())
    assert "history was rewritten" in "\n".join(bundle.findings(known_heads=[old]))


def test_a_rewritten_history_that_keeps_the_figures_right_needs_a_head_to_be_found(bundle: Bundle) -> None:
    old = bundle.head()
    bundle.change("usage.tsv", lambda rows: [rows[0].replace(b"\top_0\t", b"\top_X\t"), *rows[1:]])
    bundle.log_again()
    assert bundle.findings() == []
    assert len(bundle.findings(known_heads=[old])) == 1


def test_history_signed_with_another_key(bundle: Bundle) -> None:
    """A forger's log has a signer of its own; who knows the key, or has a head, is not deceived."""
    known, old = bundle.manifest().key, bundle.head()
    forger = Signer(known.name, OTHER_SEED)
    bundle.change(
        "change.tsv",
        lambda rows: [row.replace(str(known).encode(), str(forger.key).encode()) for row in rows],
    )
    bundle.log_again(OTHER_SEED)
    assert bundle.findings() == []
    assert "not by the key expected" in "\n".join(bundle.findings(expected_key=known))
    assert "not signed by a key" in "\n".join(bundle.findings(known_heads=[old]))


def test_a_key_the_log_does_not_name_cannot_sign(bundle: Bundle) -> None:
    bundle.sign(OTHER_SEED)
    assert any("not one the log names" in finding for finding in bundle.findings())


async def test_a_truncated_log_is_found_by_a_head(bundle: Bundle, tmp_path: Path) -> None:
    """The last batch cut off whole, everything made to fit again: sound by itself, but too short."""
    old = bundle.head()
    last = bundle.read("batch.tsv")[-1].split(b"\t")[0]
    for name in ("batch.tsv", *RECORD_FILES):
        bundle.change(name, lambda rows: [row for row in rows if row.split(b"\t")[0] != last])
    bundle.log_again()
    assert any("goes further" in finding for finding in bundle.findings(known_heads=[old]))


async def test_a_longer_log_agrees_with_every_head_handed_out(
    world: AuditedWorld, bundle: Bundle, tmp_path: Path
) -> None:
    old = bundle.head()
    await world.post([77])
    await export(world.world.pool, tmp_path / "later")
    later = Bundle(tmp_path / "later")
    assert later.head().size > old.size
    assert later.findings(known_heads=[old], expected_key=bundle.manifest().key) == []


async def test_what_was_hashed_is_what_the_database_gives_back(world: AuditedWorld, tmp_path: Path) -> None:
    """Every character below a space but NUL, what COPY escapes, other scripts; units in any order."""
    tags = [f"a{chr(code)}b" for code in range(1, 32)] + [
        "\\",
        "\\N",
        "\\.",
        "",
        "가나다 é 🙂",
        "\x7f\x85\u2028",
        None,
    ]
    await world.post_described(tags, {"seconds": 3, "images": 1, "characters": 9, "searches": 0})
    await export(world.world.pool, tmp_path / "bundle")
    described = Bundle(tmp_path / "bundle")
    assert described.findings() == []
    assert sum(
        b'{"images": 1, "seconds": 3, "searches": 0, "characters": 9}' in line
        for line in described.read("usage.tsv")
    ) == len(tags)


async def test_rows_changed_in_the_database_are_found(world: AuditedWorld, tmp_path: Path) -> None:
    """Somebody with all rights switches the triggers off."""
    async with world.world.pool.connection() as conn:
        await conn.execute("set session_replication_role = replica")
        await conn.execute("grant update on usage to current_user")
        await conn.execute(
            "update usage set d_charge_micro = d_charge_micro + 1, d_self_micro = d_self_micro + 1,"
            " charge_micro = charge_micro + 1, self_micro = self_micro + 1,"
            " d_from_loan_micro = d_from_loan_micro + 1, from_loan_micro = from_loan_micro + 1"
            " where op = 'op_1'"
        )
    await export(world.world.pool, tmp_path / "bundle")
    assert any("do not have its root" in finding for finding in Bundle(tmp_path / "bundle").findings())


async def test_rows_that_no_batch_has_are_told_at_the_export(world: AuditedWorld, tmp_path: Path) -> None:
    async with world.world.pool.connection() as conn:
        await conn.execute("set session_replication_role = replica")
        await conn.execute(
            "insert into entry (kind, programme_id, voucher_id, batch_id) values ('grant', 'p', 'v', 4711)"
        )
        await conn.execute("set session_replication_role = origin")
    exported = await export(world.world.pool, tmp_path / "bundle")
    assert [sentence.split(":")[0] for sentence in exported.outside] == ["entry"]


async def test_a_zip_is_the_same_bundle(world: AuditedWorld, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "books.zip"
    await export(world.world.pool, path)
    with BundleFiles(path) as files:
        assert verify_bundle(files, known_heads=[bundle.head()]).findings == []
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with BundleFiles(path) as files:
        assert verify_bundle(files).findings != []
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


@pytest.mark.parametrize("content", [b"", b"no bundle", b"{}"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(NotABundle):
        BundleFiles(path)
    with zipfile.ZipFile(path, "w") as empty:
        empty.writestr("manifest.json", content)
    with BundleFiles(path) as files, pytest.raises(NotABundle):
        verify_bundle(files)


async def test_a_bundle_of_one_programme_shows_it_and_keeps_the_places_of_others(
    world: AuditedWorld, bundle: Bundle, tmp_path: Path
) -> None:
    await export(world.world.pool, tmp_path / "p", programme="p")
    ours = Bundle(tmp_path / "p")
    assert ours.findings(known_heads=[bundle.head()]) == []
    assert len(ours.read("usage.tsv")) == len(bundle.read("usage.tsv"))
    assert {line.count(b"\t") for line in ours.read("parked.tsv")[1:]} == {1}
    ours.change("usage.tsv", lambda rows: [with_digit(rows[0]), *rows[1:]])
    ours.sign()
    assert ours.findings() != []
    with pytest.raises(NoProgramme):
        await export(world.world.pool, tmp_path / "q", programme="q")
    assert not (tmp_path / "q").exists()


async def test_a_whole_bundle_withholds_nothing(world: AuditedWorld, tmp_path: Path) -> None:
    await export(world.world.pool, tmp_path / "p", programme="p")
    ours = Bundle(tmp_path / "p")
    ours.sign(programme=None)
    assert any("withholds a record" in finding for finding in ours.findings())


async def test_other_programmes_are_only_hashes(pool: Pool, world: AuditedWorld, tmp_path: Path) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            "insert into programme (id, name, budget_micro, max_voucher_micro, starts_on, ends_on)"
            " values ('secret-programme', 'x', 1, 1, '2026-01-01', '2026-12-31')"
        )
    await export(pool, tmp_path / "p", programme="p")
    ours = Bundle(tmp_path / "p")
    assert ours.findings() == []
    assert b"secret-programme" not in b"".join((ours.path / name).read_bytes() for name in FILES)


def test_the_time_is_the_one_handed_in(bundle: Bundle) -> None:
    assert bundle.manifest().made_at_ms == NOW.timestamp() * 1000
    assert bundle.manifest().key == Signer(bundle.manifest().origin, SEED).key
