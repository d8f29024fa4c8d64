"""The command line. Exit codes: 0 done, 1 a finding or failure, 2 bad input or environment, in one sentence.

Each command reads the settings once and hands them down. What a command needs is imported when it runs, so
that `--help` and every role pay only for their own: the gateway never loads the office's framework.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from config.settings import BadSettings, Settings, environment, read_settings
from launch import cli_audit, cli_backup, cli_user
from launch.cli_backup import DataDir
from launch.cli_hidden import add_hidden_commands
from launch.refusal import Refused
from launch.role_settings import role_settings

if TYPE_CHECKING:
    import socket


app = typer.Typer(
    rich_markup_mode=None,  # brackets in a text are brackets
    name="voucher-gateway",
    help="A metering reverse proxy for large-model APIs that draws every call down against a voucher.",
    epilog="Exit codes: 0 done, 1 a finding or failure, 2 bad input or environment, in one sentence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Fd = Annotated[int | None, typer.Option(help="A listening socket inherited from `up`.", hidden=True)]
ReadyFd = Annotated[int | None, typer.Option(hidden=True)]


def _tell_version(asked: bool) -> None:
    if asked:
        from launch.program import name_and_version

        typer.echo(name_and_version())
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    del version  # told before anything else is looked at


@app.command()
def up(
    *,
    data_dir: DataDir = None,
    port: Annotated[
        int | None, typer.Option(help="The data plane's port [default: 8080].", show_default=False)
    ] = None,
    office_port: Annotated[
        int | None, typer.Option(help="The office's port [default: 8081].", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Gateway processes [default: 1].", show_default=False)
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [default: 127.0.0.1].", show_default=False)
    ] = None,
    apply: Annotated[Path | None, typer.Option(metavar="FILE", help="Applied before the ports open.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With a simulated vendor and sample data.")] = False,
) -> None:
    """Run the whole system on this machine: gateways, office, worker, and the servers they need.

    Example: voucher-gateway up --data-dir /var/lib/voucher-gateway --apply programme.yaml --workers 4
    """
    from launch.up import up as run_up

    settings = read_settings(
        environment(),
        data_dir=data_dir,
        port=port,
        office_port=office_port,
        workers=workers,
        host=host,
    )
    run_up(settings, declaration=apply, demo=demo)


@app.command()
def gateway(
    *,
    data_dir: DataDir = None,
    port: Annotated[
        int | None, typer.Option(help="The data plane's port [default: 8080].", show_default=False)
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [default: 127.0.0.1].", show_default=False)
    ] = None,
    slot: Annotated[int, typer.Option(help="Which of this machine's gateways it is.")] = 0,
    gateway_id: Annotated[str | None, typer.Option(hidden=True)] = None,
    fd: Fd = None,
    ready_fd: ReadyFd = None,
) -> None:
    """One gateway process alone, on servers named by DATABASE_URL and REDIS_URL.

    Example: DATABASE_URL=postgresql://db/voucher REDIS_URL=redis://cache voucher-gateway gateway --port 8080
    """
    from launch import process

    del slot  # it is there to be read in the list of processes
    process.collect_later()
    from launch import gateway_main, logs

    settings = role_settings(data_dir=data_dir, port=port, host=host)
    _wait_for_servers(settings, ready_fd=ready_fd)
    logs.configure(role="gateway", patient=True)
    gateway_main.run(
        settings,
        gateway_id=gateway_id if gateway_id is not None else process.new_gateway_id(),
        listener=_listener(settings.host, settings.port, fd=fd, what="data plane"),
        ready_fd=ready_fd,
    )


@app.command()
def office(
    *,
    data_dir: DataDir = None,
    office_port: Annotated[
        int | None, typer.Option(help="The office's port [default: 8081].", show_default=False)
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [default: 127.0.0.1].", show_default=False)
    ] = None,
    fd: Fd = None,
    ready_fd: ReadyFd = None,
) -> None:
    """The office alone: portal and REST API.

    Example: DATABASE_URL=postgresql://db/voucher REDIS_URL=redis://cache voucher-gateway office
    """
    from launch import logs, office_main

    settings = role_settings(data_dir=data_dir, office_port=office_port, host=host)
    _wait_for_servers(settings, ready_fd=ready_fd)
    logs.configure(role="office")
    listener = _listener(settings.host, settings.office_port, fd=fd, what="office")
    office_main.run(settings, listener=listener, ready_fd=ready_fd)


@app.command()
def worker(*, data_dir: DataDir = None, ready_fd: ReadyFd = None) -> None:
    """The worker alone: it posts what was used to the books and ends what dead gateways left.

    Example: DATABASE_URL=postgresql://db/voucher REDIS_URL=redis://cache voucher-gateway worker
    """
    from launch import logs, worker_main

    settings = role_settings(data_dir=data_dir)
    logs.configure(role="worker")
    worker_main.run(settings, ready_fd=ready_fd)


@app.command()
def migrate(*, data_dir: DataDir = None) -> None:
    """Bring the books' schema to this version. Safe to run at any time, also twice.

    Example: DATABASE_URL=postgresql://db/voucher voucher-gateway migrate
    """
    from launch import roles

    roles.migrate(role_settings(data_dir=data_dir, needs_redis=False))


@app.command("apply")
def apply_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The declaration, YAML.")],
    *,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="What was done, for programs.")] = False,
) -> None:
    """Create or update what FILE declares: programmes, providers, products, companies, vouchers, keys, users.

    A second run changes nothing. FILE is applied whole or not at all.

    Example: voucher-gateway apply programme.yaml --json
    """
    from launch import apply

    settings = role_settings(data_dir=data_dir, needs_redis=False)
    report = apply.apply(settings, file, environment=environment())
    typer.echo(apply.as_json(report) if json else apply.as_text(report))


cli_audit.add_commands(app)
cli_backup.add_commands(app)
cli_user.add_commands(app)
add_hidden_commands(app)


def _wait_for_servers(settings: Settings, *, ready_fd: int | None) -> None:
    """Of a role alone; `up` has looked at its servers, and starts anew what dies for want of them."""
    from launch import durability, roles

    if ready_fd is None:
        durability.wait_for_servers(
            database_url=roles.database_url(settings), redis_url=roles.redis_url(settings)
        )


def _listener(host: str, port: int, *, fd: int | None, what: str) -> socket.socket:
    from launch import sockets

    return sockets.adopt(fd) if fd is not None else sockets.bind(host, port, what=what)


def main() -> None:
    try:
        code = app(standalone_mode=False, prog_name="voucher-gateway")
    except (Refused, BadSettings) as refused:
        _say(str(refused))
    except TyperException as wrong:
        _say(_sentence(wrong))
    except typer.Abort:
        raise SystemExit(1) from None
    else:
        raise SystemExit(code or 0)
    raise SystemExit(2)


def _sentence(wrong: TyperException) -> str:
    """A slip of the keyboard, in one line; who said nothing at all is shown what there is to say."""
    message, context = wrong.format_message(), getattr(wrong, "ctx", None)
    if "\n" in message or context is None:
        return message
    return f"{message.rstrip('.')}; `{context.command_path} --help` shows what there is."


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
