"""The commands that processes of ours give one another; `--help` does not list them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from launch.cli_audit import DataDir
from launch.role_settings import role_settings


def add_hidden_commands(app: typer.Typer) -> None:
    app.command(hidden=True)(job)
    app.command(hidden=True)(fork_server)
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(hidden=True, context_settings=anything)(demo_vendor)


def job(
    job_id: str,
    *,
    turn: Annotated[int, typer.Option(help="How often the queue had given it out before.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """One attempt at a long job: the worker starts it.

    Example: voucher-gateway job jb-000001
    """
    from launch import job_main, logs

    settings = role_settings(data_dir=data_dir)
    logs.configure(role="worker")
    job_main.run(settings, job_id, turn=turn)


def fork_server(
    *,
    fd: Annotated[int, typer.Option(help="The socket on which `up` asks for roles.")],
    room: Annotated[str, typer.Option(help="Blanks, in whose place the words of a role are seen.")] = "",
) -> None:
    """What the roles of `up` are forked from.

    Example: voucher-gateway fork-server --fd 3
    """
    from launch import fork_server as server

    del room
    words = server.serve(fd)
    if words is not None:  # a copy: from here on it is that command
        from launch.cli import main

        sys.argv[1:] = words
        server.end_with(main)


def demo_vendor(context: typer.Context) -> None:
    """The simulated vendor of `up --demo`, as a process of its own.

    Example: voucher-gateway demo-vendor --port 9001 --token-ms 20
    """
    from launch.demo_vendor.main import main as run_demo_vendor

    raise typer.Exit(run_demo_vendor(context.args))
