"""`localstripe` as a process of its own on loopback (it is under the GPL: nothing of it is imported here).

It keeps what it is told, signs its webhooks and sends each once, a second later. It knows no Checkout and no
disputes, and no Idempotency-Key.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

# It tells of balances too, some while after anybody asked for one.
EVENTS: Final = ["payment_intent.succeeded", "payment_intent.payment_failed"]
START_S: Final = 60.0
# On loopback alone, and without the file that it would keep beside.
_LAUNCH: Final = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@dataclass(frozen=True, slots=True)
class LocalStripe:
    base: str

    def send_webhooks_to(self, url: str, secret: str) -> None:
        httpx2.post(
            f"{self.base}/_config/webhooks/one", json={"url": url, "secret": secret, "events": EVENTS}
        ).raise_for_status()

    def forget_everything(self) -> None:
        httpx2.delete(f"{self.base}/_config/data").raise_for_status()

    def post(self, path: str, **data: str) -> dict[str, object]:
        """As Stripe's own pages would, on behalf of the payer."""
        answer = httpx2.post(f"{self.base}/v1/{path}", data=data, auth=("sk_test_payer", ""))
        answer.raise_for_status()
        told: dict[str, object] = answer.json()
        return told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started() -> Iterator[LocalStripe]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        local = LocalStripe(f"http://127.0.0.1:{port}")
        _wait_for(local, process)
        yield local
    finally:
        process.kill()
        process.wait()


def _wait_for(local: LocalStripe, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, "localstripe ended at once"
        try:
            httpx2.get(f"{local.base}/v1/balance", auth=("sk_test_probe", ""))
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("localstripe did not start")
