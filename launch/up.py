"""`voucher-gateway up` from its arguments to its exit code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from config.settings import Settings, environment
from launch import durability, logs, sockets
from launch.data_dir import DataDir, claim
from launch.demo import MODEL, open_demo
from launch.forks import ForkServer
from launch.refusal import Refused
from launch.screen import Login, TerminalStep, demo_screen, start_screen
from launch.supervise import Plan, Supervisor
from launch.tidying import keep_tidy

log = structlog.get_logger(__name__)


def up(
    settings: Settings, *, declaration: Path | None, demo: bool, forks: type[ForkServer] = ForkServer
) -> None:
    """Raises Refused, and then has left nothing behind. `forks`: what the roles are started by."""
    _check_readable(declaration)
    if settings.port == settings.office_port != 0:
        raise Refused(
            f"Port {settings.port} cannot be both the data plane's and the office's; choose another."
        )
    with (
        sockets.bind(settings.host, settings.port, what="data plane") as data_plane,
        sockets.bind(settings.host, settings.office_port, what="office") as office,
    ):
        settings = settings.model_copy(
            update={
                "port": sockets.port_of(data_plane),
                "office_port": sockets.port_of(office),
                "upstream_allow_private": settings.upstream_allow_private or demo,
            }
        )
        _check_foreign_servers(settings)
        data_dir = claim(settings.data_dir)
        plan = Plan(
            settings=settings,
            data_plane=data_plane,
            office=office,
            declaration=declaration,
            demo=open_demo(settings.data_dir) if demo else None,
            forks=forks,
        )
        _supervise(plan, data_dir)


def _check_readable(declaration: Path | None) -> None:
    if declaration is None:
        return
    try:
        declaration.read_bytes()
    except OSError as error:
        raise Refused(f"The file {declaration} cannot be read: {error.strerror}.") from error


def _check_foreign_servers(settings: Settings) -> None:
    """Before anything is made. What is merely weak is said later, when the log exists."""
    if settings.database_url is not None:
        durability.check_postgres(settings.database_url)
    if settings.redis_url is not None:
        durability.check_valkey(settings.redis_url)


def _supervise(plan: Plan, data_dir: DataDir) -> None:
    step = TerminalStep()
    settings = plan.settings
    try:
        settings.logs_dir.mkdir(mode=0o700, exist_ok=True)
        with (settings.logs_dir / "up.log").open("a", encoding="utf-8", buffering=1) as log_file:
            logs.configure(role="up", stream=log_file)
            asyncio.run(_run(plan, data_dir, step))
    except OSError as error:
        raise Refused(f"The data directory {data_dir.path} cannot be used: {error}.") from error
    finally:
        step.done()
        data_dir.discard()


async def _run(plan: Plan, data_dir: DataDir, step: TerminalStep) -> None:
    supervisor = Supervisor(plan=plan, data_dir=data_dir, step=step)
    supervisor.watch_signals()
    if not await supervisor.start_or_refuse(environment()):
        return
    data_dir.keep()
    tidying = asyncio.create_task(keep_tidy(plan.settings), name="tidy")
    try:
        step.done()
        _show(_screen(plan))
        log.info("up", port=plan.settings.port, office_port=plan.settings.office_port)
        await supervisor.stopping.wait()
    finally:
        log.info("ending")
        tidying.cancel()
        await supervisor.stop()


def _show(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        log.warning("screen_not_shown")  # whoever read it left; that is no reason to end


def _screen(plan: Plan) -> str:
    data_plane = plan.settings.data_plane_address()
    office = plan.settings.office_address(plan.settings.office_port)
    if plan.demo is None:
        return start_screen(data_plane=data_plane, office=office)
    demo = plan.demo
    logins = [
        Login(role=role, email=demo.email(role), password=word) for role, word in demo.passwords.items()
    ]
    return demo_screen(data_plane=data_plane, office=office, api_key=demo.api_key, model=MODEL, logins=logins)
