"""The subjects: what stands between the load and the vendor. Nothing, nginx, or the gateway.

Each is started anew for every round, with its own processes on the measured core and everything it needs
elsewhere (Valkey, PostgreSQL, worker, office) on the other.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

from bench.machine import RIG_CORE, SUBJECT_CORE, descendants_in_role, end, free_port, pin, pinned
from bench.rig import RigError
from bench.setting import declaration
from launch.embedded_valkey import ValkeyServer

READY_WITHIN_S = 90.0
FLOOR = str(Path(__file__).with_name("floor.py"))


class Subject(Protocol):
    name: str
    port: int

    def pids(self) -> list[int]:
        """The processes whose work is measured."""
        ...

    def stop(self) -> None: ...


class Direct:
    """No proxy: the rig's own figures, from which the others' added delay is counted."""

    name = "direct"

    def __init__(self, *, vendor_port: int) -> None:
        self.port = vendor_port

    def pids(self) -> list[int]:
        return []

    def stop(self) -> None:
        return


NGINX_CONF = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream vendor {{
    server 127.0.0.1:{vendor_port};
    keepalive 4096;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://vendor;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")


class Nginx:
    """A plain reverse proxy with one worker: no keys, no money, no look into the body."""

    name = "nginx"

    def __init__(self, *, vendor_port: int) -> None:
        program = find_nginx()
        if program is None:
            raise RigError("nginx is missing: apt-get install nginx-light")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="vg-bench-nginx-"))
        conf = self._folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        conf.write_text(
            NGINX_CONF.format(user=user, folder=self._folder, vendor_port=vendor_port, port=self.port)
        )
        self._process = subprocess.Popen(
            pinned(SUBJECT_CORE, [program, "-p", str(self._folder), "-c", str(conf)]),
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port, "/", process=self._process, expect=200)

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self) -> None:
        end(self._process, patience_s=5)
        shutil.rmtree(self._folder, ignore_errors=True)


class Plain:
    """uvicorn alone, started as the gateway's is: the pace of this machine's Python."""

    name = "uvicorn"

    def __init__(self) -> None:
        self.port = free_port()
        words = ["bench.plain:application", "--port", str(self.port), "--lifespan", "off", "--no-access-log"]
        words += ["--loop", "uvloop", "--http", "httptools", "--no-proxy-headers", "--log-level", "error"]
        self._process = subprocess.Popen(pinned(SUBJECT_CORE, [sys.executable, "-m", "uvicorn", *words]))
        wait_for(self.port, "/", process=self._process, expect=200)

    def pids(self) -> list[int]:
        return [self._process.pid]

    def stop(self) -> None:
        end(self._process, patience_s=5)


class Floor:
    """bench/floor.py on a Valkey of its own, with the settings that the gateway's has."""

    name = "floor"

    def __init__(self, *, vendor_port: int) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="vg-bench-floor-"))
        self._folder.chmod(0o755)  # Valkey does not run as root and must get in
        self._valkey = ValkeyServer(
            data_dir=self._folder / "valkey", socket_dir=self._folder / "run", log_path=self._folder / "log"
        )
        self._valkey.start()
        self.valkey_url = self._valkey.url
        words = [FLOOR, str(self.port), str(vendor_port), str(self._valkey.socket_path)]
        self._process = subprocess.Popen(pinned(SUBJECT_CORE, [sys.executable, *words]))
        wait_for(self.port, "/", process=self._process, expect=200)

    def pids(self) -> list[int]:
        return [self._process.pid]

    def stop(self) -> None:
        end(self._process, patience_s=5)
        self._valkey.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def installed_program() -> Path:
    """The command of the environment in which the benchmark itself runs."""
    return Path(sys.executable).parent / "voucher-gateway"


class Gateway:
    """The whole system as a user starts it, with one gateway process and embedded stores."""

    name = "gateway"

    def __init__(self, *, program: Path, vendor_port: int, today: date) -> None:
        if not program.exists():
            raise RigError(f"{program} is missing: pip install .")
        self.port, office_port = free_port(), free_port()
        self.office_port = office_port
        self._folder = Path(tempfile.mkdtemp(prefix="vg-bench-"))
        self._folder.chmod(0o755)  # an embedded PostgreSQL does not run as root and must get in
        self.data_dir = self._folder / "data"
        applied = self._folder / "bench.yaml"
        applied.write_text(declaration(vendor_port=vendor_port, today=today))
        self.log = self._folder / "up.log"
        command = [
            "env", "-u", "DATABASE_URL", "-u", "REDIS_URL", "UPSTREAM_ALLOW_PRIVATE=1",
            str(program), "up", "--data-dir", str(self.data_dir), "--port", str(self.port),
            "--office-port", str(office_port), "--workers", "1", "--apply", str(applied),
        ]  # fmt: skip
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(pinned(RIG_CORE, command), stdout=log, stderr=log)
        try:
            wait_for(self.port, "/readyz", process=self._process, expect=200)
        except RigError as error:
            tail = self.log.read_text(errors="replace")[-1500:]
            self.stop()
            raise RigError(f"{error}\n{tail}") from error
        for pid in self.pids():
            pin(pid, core=SUBJECT_CORE)

    def pids(self) -> list[int]:
        found = descendants_in_role(self._process.pid, "gateway")
        if not found:
            raise RigError(f"no process in the role gateway is running:\n{self.log.read_text()[-1500:]}")
        return found

    def worker_pids(self) -> list[int]:
        return descendants_in_role(self._process.pid, "worker")

    def stop(self) -> None:
        end(self._process, patience_s=60)
        shutil.rmtree(self._folder, ignore_errors=True)


def wait_for(port: int, path: str, *, process: subprocess.Popen[bytes], expect: int) -> None:
    limit = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RigError(f"{process.args!r} ended with {process.returncode}")
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            status = connection.getresponse().status
            connection.close()
            if status == expect:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise RigError(f"port {port} was not ready within {READY_WITHIN_S:.0f} s")
