"""The command line of the simulation."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.fakes.short_dir import short_dir
from tests.simulation.campaign import Summary, campaign, find, own_postgres, run_here
from tests.simulation.coverage import ENOUGH_SEEDS, not_met
from tests.simulation.history import Result
from tests.simulation.safeguards import find_all


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description="Replay one seed, or run many and say what broke."
    )
    parser.add_argument("seed", nargs="?", type=int, help="replay this one")
    parser.add_argument("--seeds", type=int, default=500, help="how many to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mutant", help="with this safeguard removed: the first seed that misses it")
    parser.add_argument(
        "--safeguards", nargs="*", help="search for every one, or those named; write them down"
    )
    parser.add_argument("--trace", action="store_true", help="print every step of the one seed")
    parser.add_argument("--postgres", help="URL of a PostgreSQL to use, with {} for the database's name")
    args = parser.parse_args()
    seeds = list(range(args.first, args.first + args.seeds))
    with own_postgres(short_dir()) if args.postgres is None else nullcontext(args.postgres) as url_of:
        if args.seed is not None:
            sys.exit(_replay(url_of, args.seed, trace=args.trace))
        if args.safeguards is not None:
            find_all(url_of, seeds, processes=args.processes, names=args.safeguards)
            return
        if args.mutant is not None:
            result = find(url_of, seeds, processes=args.processes, mutant=args.mutant)
            print(
                f"{args.mutant}: "
                + ("survived" if result is None else f"seed {result.seed}: {result.broken}")
            )
            sys.exit(result is None)
        summary = _campaign(url_of, seeds, processes=args.processes)
    print(summary.text())
    missed = not_met(summary.met) if summary.seeds >= ENOUGH_SEEDS else {}
    if missed:
        print(f"awaits that did not meet every fault: {missed}")
    sys.exit(bool(summary.broken or missed))


def _campaign(url_of: str, seeds: list[int], *, processes: int) -> Summary:
    """With a bar, and what broke as soon as it is known: ten thousand seeds take half an hour."""
    bar = Progress(
        TextColumn("seeds"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("seeds", total=len(seeds))

        def told(result: Result) -> None:
            bar.advance(task)
            if result.broken is not None:
                bar.console.print(escape(f"seed {result.seed}: {result.broken}; {_keep(result)}"))

        return campaign(url_of, seeds, processes=processes, told=told)


def _keep(result: Result) -> Path:
    """Its steps, whole: should it not break when it is run again, they are all there is to see."""
    path = Path("build", f"seed-{result.seed}.txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(result.trace or ()), "utf-8")
    return path


def _replay(url_of: str, seed: int, *, trace: bool) -> bool:
    [result] = run_here(url_of, [seed], full=trace)
    if trace and result.trace is not None:
        print("\n".join(result.trace))
    elif result.broken is not None:
        print("\n".join(result.recent))
    summary = Summary()
    summary.add(result)
    print(summary.text())
    print(f"trace {result.digest}")
    return result.broken is not None
