"""The commands `backup` and `restore`. What they do is in launch.backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.settings import environment, read_settings

DataDir = Annotated[
    Path | None, typer.Option(help="Where the state lives [default: ./data].", show_default=False)
]


def add_commands(app: typer.Typer) -> None:
    for command in (backup, restore):
        app.command()(command)


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory.")],
    *,
    data_dir: DataDir = None,
    without_secret: Annotated[
        bool, typer.Option("--without-secret", help="Leave the master secret out.")
    ] = False,
) -> None:
    """Copy the books of this moment into DIR, while everything goes on, or of an `up` that does not run.

    Example: voucher-gateway backup /backup/2026-11-23 --data-dir /var/lib/voucher-gateway
    """
    from launch.backup import taking

    settings = read_settings(environment(), data_dir=data_dir)
    typer.echo(taking.backup(settings, target.absolute(), with_secret=not without_secret))


def restore(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="What `backup` made.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Bring the books of DIR back: into a new data directory, or into an empty database at DATABASE_URL.

    Nothing of ours may be running. What was booked after the copy is not known any more.

    Example: voucher-gateway restore /backup/2026-11-23 --data-dir /var/lib/voucher-gateway
    """
    from launch.backup import restoring

    settings = read_settings(environment(), data_dir=data_dir)
    typer.echo(restoring.restore(settings, source.absolute()))
