"""The house behind nginx, as docs/operating/behind-a-proxy.md has it: streams, uploads, and who calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.docs.pages import ROOT, Page
from tests.fakes.house import House, free_port, wait_until
from tests.journeys.declarations import (
    api_key,
    chat_product,
    company,
    declaration,
    key_text,
    upstream,
    voucher,
)

NGINX: Final = shutil.which("nginx", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]

API: Final = "api.example.kr"
OFFICE: Final = "office.example.kr"
HOME: Final = "127.0.0.2"  # nginx is at 127.0.0.1, and named
SETTINGS: Final = {
    "VOUCHER_GATEWAY_PUBLIC_URL": f"https://{API}",
    "VOUCHER_GATEWAY_OFFICE_PUBLIC_URL": f"https://{OFFICE}",
    "VOUCHER_GATEWAY_TRUSTED_PROXIES": "127.0.0.1",
}
HANDSHAKE: Final = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
MAIN: Final = """\
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Front:
    """nginx with the page's own configuration; only ports and paths are others."""

    def __init__(self, house: House) -> None:
        self.folder, self.port = house.root / "nginx", free_port()
        self.folder.mkdir()
        page = Page(ROOT / "docs" / "operating" / "behind-a-proxy.md")
        [said] = page.fences("sh")
        assert dict(line.split("=", 1) for line in said.splitlines()) == SETTINGS
        [site] = page.fences("nginx")
        for here, there in {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "127.0.0.1:8080": f"127.0.0.1:{house.port}",
            "127.0.0.1:8081": f"127.0.0.1:{house.office_port}",
            "/etc/ssl/": f"{self.folder}/",
        }.items():
            assert here in site
            site = site.replace(here, there)
        (self.folder / "site.conf").write_text(site)
        user = "user root;" if os.geteuid() == 0 else ""
        conf = self.folder / "nginx.conf"
        conf.write_text(MAIN.format(folder=self.folder, user=user))
        certify(self.folder)
        self._process = subprocess.Popen([str(NGINX), "-p", str(self.folder), "-c", str(conf)])
        wait_until(self._serves, timeout_s=20, said="nginx")

    def _serves(self) -> bool:
        assert self._process.poll() is None, (self.folder / "error.log").read_text()
        try:
            with self.calling(API) as http:
                return http.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def calling(self, name: str, *, address: str = HOME) -> httpx2.Client:
        transport = httpx2.HTTPTransport(local_address=address, verify=False)
        headers = {"host": name}
        return httpx2.Client(
            transport=transport, base_url=f"https://127.0.0.1:{self.port}", headers=headers, timeout=60
        )

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def certify(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, API)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "voucher-gateway.pem").write_bytes(signed.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "voucher-gateway.key").write_bytes(private)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(environment=SETTINGS) as made:
        vendor = made.vendor("--token-ms", "40")
        made.up(
            declaration(
                products=[chat_product("nuri-x1", upstream(vendor.base_url), on_client_gone="cancel")],
                companies=[company("gaonde")],
                vouchers=[voucher("gaonde")],
                api_keys=[api_key("gaonde", allowed_ips=[HOME])],
            )
        )
        yield made
        assert made.down() == 0


@pytest.fixture(scope="module")
def front(house: House) -> Iterator[Front]:
    made = Front(house)
    yield made
    made.end()


AUTHORIZED: Final = {"authorization": f"Bearer {key_text('gaonde')}"}


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "nuri-x1", "messages": [{"role": "user", "content": text}], **more}


def held_krw(http: httpx2.Client) -> str:
    [mine] = http.get("/v1/voucher", headers=AUTHORIZED).json()["vouchers"]
    held: str = mine["government"]["held_krw"]
    return held


def test_pieces_of_a_stream_come_while_it_runs(front: Front) -> None:
    """With the first one here, the call's money is held still: nothing waited for the end."""
    body = chat("[[tokens=100]]", stream=True)
    with (
        front.calling(API) as http,
        http.stream("POST", "/v1/chat/completions", json=body, headers=AUTHORIZED) as answer,
    ):
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        first = next(pieces)
        with front.calling(API) as beside:
            assert held_krw(beside) != "0"
        rest = b"".join(pieces)
        assert first.startswith(b"data: ")
        assert rest.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_is_noticed_through_it(front: Front, house: House) -> None:
    body = chat("[[tokens=2000]]", stream=True, max_tokens=2000)
    with front.calling(API) as http:
        with http.stream("POST", "/v1/chat/completions", json=body, headers=AUTHORIZED) as answer:
            next(answer.iter_raw())
            usage_id = answer.headers["x-voucher-usage-id"]

        def has_left() -> bool:
            seen = http.get(f"/v1/usage/{usage_id}", headers=AUTHORIZED)
            return seen.status_code == 200 and bool(seen.json()["client_gone"])

        wait_until(has_left, timeout_s=60, said="the call of a client that left is settled")


def test_a_large_body_is_refused_by_us_alone(front: Front) -> None:
    with front.calling(API) as http:
        answer = http.post("/v1/chat/completions", json=chat("x" * 3_000_000), headers=AUTHORIZED)
        assert answer.status_code == 200, answer.text


def test_a_session_s_handshake_comes_through(front: Front) -> None:
    with front.calling(API) as http:
        answer = http.get("/v1/realtime?model=none", headers=AUTHORIZED | HANDSHAKE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_an_api_key_goes_by_who_calls_nginx(front: Front) -> None:
    with front.calling(API) as home, front.calling(API, address="127.0.0.3") as away:
        assert home.get("/v1/models", headers=AUTHORIZED).status_code == 200
        assert away.get("/v1/models", headers=AUTHORIZED).status_code == 401
        lied = AUTHORIZED | {"x-forwarded-for": HOME}
        assert away.get("/v1/models", headers=lied).status_code == 401


def test_the_office_keeps_its_cookies_for_tls_and_its_numbers_for_this_machine(front: Front) -> None:
    with front.calling(OFFICE) as http:
        assert "; secure" in http.get("/sign-in").headers["set-cookie"].lower()
        assert http.get("/metrics").status_code == 403
