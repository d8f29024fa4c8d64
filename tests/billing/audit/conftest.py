"""A bundle of books with a little of everything, and what somebody who rewrites it can do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.audit.bundle_files import FILES, TABLE_FILES, BundleFiles, Measured
from billing.audit.exporting import Exported, export_bundle
from billing.audit.head import Signer, TreeHead
from billing.audit.leaf import NO_BATCH_BEFORE, RECORD_TABLES, Batch, record_hash
from billing.audit.manifest import FileFacts, Manifest
from billing.audit.merkle import Tree
from billing.audit.verifying import verify_bundle
from billing.database import Pool
from tests.fakes.audited_world import SEED, AuditedWorld

NOW = datetime(2026, 5, 1, tzinfo=UTC)

Lines = list[bytes]


@dataclass(slots=True)
class Bundle:
    """A bundle as a directory, to be changed line by line."""

    path: Path

    def read(self, name: str) -> Lines:
        return (self.path / name).read_bytes().split(b"\n")[:-1]

    def write(self, name: str, lines: Lines) -> None:
        (self.path / name).write_bytes(b"".join(line + b"\n" for line in lines))

    def change(self, name: str, how: Callable[[Lines], Lines]) -> None:
        """Its rows; a table's line of column names stays."""
        lines = self.read(name)
        first = lines[:1] if name in TABLE_FILES else []
        self.write(name, first + how(lines[len(first) :]))

    def manifest(self) -> Manifest:
        return Manifest.read((self.path / "manifest.json").read_bytes())

    def sign(self, seed: bytes = SEED, **changed: object) -> None:
        """Make the manifest fit the files, and sign it: what only who has the key can do."""
        facts = {}
        for name in FILES:
            measured = Measured()
            measured.take((self.path / name).read_bytes())
            rows = len(self.read(name)) - (name in TABLE_FILES)
            facts[name] = FileFacts(rows, measured.bytes, measured.sha256)
        manifest = self.manifest()
        signer = Signer(manifest.origin, seed)
        manifest = replace(manifest, files=facts, key=signer.key, **changed)  # type: ignore[arg-type] # fields
        data = manifest.to_bytes()
        (self.path / "manifest.json").write_bytes(data)
        (self.path / "manifest.sig").write_text(signer.sign_manifest(data) + "\n")

    def log_again(self, seed: bytes = SEED) -> None:
        """Recompute every root, the chain, the tree, all heads and the manifest: history, rewritten whole."""
        tree, previous, lines = Tree(), NO_BATCH_BEFORE, []
        rows = {
            table: [line.split(b"\t", 1) for line in self.read(f"{table}.tsv")[1:]] for table in RECORD_TABLES
        }
        for line in self.read("batch.tsv")[1:]:
            number, at_ms = line.split(b"\t")[0], line.split(b"\t")[-2]
            batch_tree, counts = Tree(), []
            for table in RECORD_TABLES:
                ours = [record for place, record in rows[table] if place == number]
                counts.append(len(ours))
                for record in ours:
                    batch_tree.add(record_hash(table, record))
            batch = Batch(tree.size, batch_tree.root(), tuple(counts), int(at_ms), previous)
            lines.append(batch.line())
            previous = batch.leaf()
            tree.add(previous)
        self.write("batch.tsv", [self.read("batch.tsv")[0], *lines])
        note = Signer(self.manifest().origin, seed).sign_head(
            size=tree.size, root=tree.root(), at_ms=1, after_size=0
        )
        self.write("head.jsonl", [json.dumps(note).encode()])
        self.sign(seed, size=tree.size, root=tree.root().hex())

    def findings(self, **options: object) -> list[str]:
        with BundleFiles(self.path) as files:
            return verify_bundle(files, **options).findings  # type: ignore[arg-type] # options by name

    def head(self) -> TreeHead:
        return TreeHead.read(json.loads(self.read("head.jsonl")[-1]))

    def copy(self, to: Path) -> Bundle:
        shutil.copytree(self.path, to)
        return Bundle(to)


async def export(pool: Pool, target: Path, *, programme: str | None = None) -> Exported:
    return await export_bundle(str(pool.conninfo), SEED, target, programme=programme, now=NOW)


@pytest.fixture
async def world(pool: Pool) -> AuditedWorld:
    """Two heads, four times calls, a call of two steps, events nobody can read."""
    world = await AuditedWorld.make(pool)
    await world.post([1_000_001, 2_500_003, 0], broken=2)
    await world.seal()
    await world.sweep_then_settle(floor_micro=700_000, charge_micro=900_001)
    await world.post([3, 5_000_000])
    return world


@pytest.fixture
async def bundle(world: AuditedWorld, tmp_path: Path) -> Bundle:
    await export(world.world.pool, tmp_path / "bundle")
    return Bundle(tmp_path / "bundle")
