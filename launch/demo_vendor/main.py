"""The simulated vendor's command line: options in, a serving process until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from aiohttp import web

from launch.demo_vendor.faults import UnknownFault, parse_fault
from launch.demo_vendor.server import DemoVendor
from launch.demo_vendor.speaker import VendorSettings

HOST: Final = "127.0.0.1"
SHUTDOWN_S: Final = 0.5


def main(words: Sequence[str]) -> int:
    parser = _parser()
    given = parser.parse_args(words)
    try:
        faults = dict(parse_fault(word) for word in given.fault)
    except UnknownFault as error:
        parser.error(str(error))
    settings = VendorSettings(
        seed=given.seed,
        latency_ms=given.latency_ms,
        token_ms=given.token_ms,
        count_factor=given.count_factor,
        faults=faults,
        faults_first=given.fault_first,
        replay=given.replay,
        log=given.log,
    )
    if given.fd is not None:
        listener = socket.socket(fileno=given.fd)
    else:
        listener = socket.create_server((given.host, given.port), backlog=1024)
    asyncio.run(serve(settings, listener=listener, ready_fd=given.ready_fd))
    return 0


async def serve(settings: VendorSettings, *, listener: socket.socket, ready_fd: int | None = None) -> None:
    """Until SIGTERM or SIGINT. `ready_fd` gets a line once calls are answered."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        DemoVendor(settings).app(), access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True
    )
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    host, port = listener.getsockname()[:2]
    print(f"demo vendor (a simulation) at http://{host}:{port}/v1", flush=True)
    if ready_fd is not None:
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo-vendor",
        description="A simulated vendor of the OpenAI dialect: honest counts, faults on demand.",
        epilog="Example: python -m launch.demo_vendor --port 9001 --token-ms 20 --fault cut_after=5",
    )
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=20.0, help="before an answer begins")
    parser.add_argument("--token-ms", type=float, default=5.0, help="between the tokens of a stream")
    parser.add_argument("--count-factor", type=Fraction, default=Fraction(1), help="multiplies its counts")
    parser.add_argument("--fault", action="append", default=[], help="for every call, as cut_after=3")
    parser.add_argument("--fault-first", type=int, help="only the first so many calls are struck")
    parser.add_argument("--replay", type=Path, metavar="DIR", help="recorded exchanges, named by the model")
    parser.add_argument("--log", type=Path, metavar="FILE", help="one JSON line per call")
    return parser
