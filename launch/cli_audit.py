"""The commands of the books' log: `export`, `verify`, `receipt`, `head`; `reconcile`.

What they do is in launch.audit and launch.reconcile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from launch.refusal import Findings
from launch.role_settings import role_settings

DataDir = Annotated[
    Path | None, typer.Option(help="Of a running `up`, to find its servers.", show_default=False)
]


def add_commands(app: typer.Typer) -> None:
    for command in (export, verify, receipt, head, reconcile):
        app.command()(command)


def export(
    target: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A new .zip, or a new directory.")],
    *,
    programme: Annotated[
        str | None, typer.Option(metavar="ID", help="Show only this programme; of others only hashes.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write the books of this moment as a signed bundle that anybody can check offline.

    Example: voucher-gateway export books-2026-05.zip
    """
    from launch import audit

    with _findings_are_told():
        typer.echo(
            audit.export(role_settings(data_dir=data_dir, needs_redis=False), target, programme=programme)
        )


def verify(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or one call's receipt.")],
    *,
    head: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A tree head handed out earlier; may be given several times."),
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The verifier key that is expected.")] = None,
) -> None:
    """Check a bundle or a receipt: whole, unchanged, signed, and right to the micro-won. Needs no server.

    Example: voucher-gateway verify books-2026-05.zip --head head-2026-04.txt
    """
    from launch import audit

    with _findings_are_told():
        typer.echo(audit.verify(path, head_files=head or [], key=key))


def receipt(
    usage_id: Annotated[str, typer.Argument(metavar="USAGE_ID", help="As in X-Voucher-Usage-Id.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Print the proof that a call is in the books, for its company to keep; `verify` checks it.

    Example: voucher-gateway receipt USAGE_ID > receipt.json
    """
    from launch import audit

    with _findings_are_told():
        typer.echo(audit.receipt(role_settings(data_dir=data_dir, needs_redis=False), usage_id))


def head(
    *,
    key: Annotated[bool, typer.Option("--key", help="The verifier key instead.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print the newest signed tree head of the books' log, to hand to people outside.

    Example: voucher-gateway head > head-2026-04.txt
    """
    from launch import audit

    typer.echo(audit.head(role_settings(data_dir=data_dir, needs_redis=False), key=key))


def reconcile(
    statement: Annotated[
        Path, typer.Argument(metavar="STATEMENT", help="The provider's usage: .csv, or .jsonl.")
    ],
    *,
    provider: Annotated[str, typer.Option(metavar="ID", help="Whose statement it is.")],
    month: Annotated[
        str | None, typer.Option(help="Of the statement, 2026-10 [default: the last].", show_default=False)
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Match a provider's usage statement with the books, call by call. Nothing is written.

    Example: voucher-gateway reconcile nuri-2026-10.csv --provider nuri --month 2026-10
    """
    from launch import reconcile as with_statement

    settings = role_settings(data_dir=data_dir, needs_redis=False)
    with _findings_are_told():
        typer.echo(with_statement.reconcile(settings, statement, provider=provider, month_text=month))


@contextmanager
def _findings_are_told() -> Iterator[None]:
    try:
        yield
    except Findings as findings:
        typer.echo(str(findings))
        raise typer.Exit(1) from None
