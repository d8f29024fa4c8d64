"""The command line of the simulation."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from tests.conftest import short_dir
from launch.embedded_postgres import PostgresServer
from tests.simulation import books
from tests.simulation.run import Result, scratch, simulate
from tests.simulation.trace import table


def postgres_server(root: Path) -> PostgresServer:
    return PostgresServer(
        data_dir=root / "postgres",
        socket_dir=root / "run",
        log_path=root / "postgres.log",
        settings={
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "autovacuum": "off",
        },
    )


def run_seeds(url: str, admin_url: str, name: str, seeds: list[int], full: bool = False) -> list[Result]:
    books.prepare(admin_url, name, url)
    server = books.Server(url)
    directory = scratch()
    try:
        return [simulate(seed, server, directory / "journal", full=full) for seed in seeds]
    finally:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--trace", action="store_true")
    args = parser.parse_args()
    root = short_dir()
    server = postgres_server(root)
    server.start()
    try:
        seeds = [args.seed] if args.seed is not None else list(range(args.first, args.first + args.seeds))
        began = time.perf_counter()
        results = run_seeds(server.url_of("sim"), server.url_of("postgres"), "sim", seeds, args.trace)
        took = time.perf_counter() - began
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    met: Counter[tuple[str, str]] = Counter()
    passed: Counter[str] = Counter()
    for result in results:
        met += result.met
        passed += result.passed
        if result.trace is not None:
            print("\n".join(result.trace))
        if result.broken:
            print(f"seed {result.seed}: {result.broken}")
    print(table(met, passed))
    bad = [result for result in results if result.broken]
    print(
        f"{len(results)} seeds, {sum(r.calls for r in results)} calls, {sum(r.completed for r in results)} completed,"
        f" {sum((r.refusals for r in results), Counter())}, {sum(r.virtual_s for r in results):.0f} virtual s in {took:.1f} s;"
        f" {len(bad)} broken"
    )
    if len(results) == 1:
        print(results[0].digest)
    sys.exit(bool(bad))
