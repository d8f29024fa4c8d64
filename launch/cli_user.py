"""The commands about people: `user add`. What it does is in launch.user_add."""

from __future__ import annotations

from typing import Annotated

import typer

from launch.cli_backup import DataDir
from launch.role_settings import role_settings


def add_commands(app: typer.Typer) -> None:
    people = typer.Typer(help="People of the office.", no_args_is_help=True, rich_markup_mode=None)
    people.command("add")(user_add)
    app.add_typer(people, name="user")


def user_add(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="By which the person signs in.")],
    *,
    role: Annotated[str, typer.Option(metavar="ROLE", help="operator, auditor, company or provider.")],
    company: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose person it is, with the role company.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose person it is, with the role provider.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """A person for the office; prints a one-time link for setting the password.

    Example: voucher-gateway user add kim@example.org --role company --company gaonde
    """
    from launch import user_add as people

    settings = role_settings(data_dir=data_dir, needs_redis=False)
    typer.echo(people.add(settings, email=email, role=role, company=company, provider=provider))
