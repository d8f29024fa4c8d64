"""Addresses of Redis are read as redis-py reads them, also those for which it is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest
from redis.asyncio.connection import parse_url

from metering.redis_address import is_path, options_of


@pytest.mark.parametrize(
    ("url", "a_path"),
    [
        ("unix:///run/valkey.sock", True),
        ("unix:///run/with%20blank/v.sock", True),
        ("unix:///run/valkey.sock?db=3", False),
        ("unix://user:secret@/run/valkey.sock", False),
        ("redis://localhost:6379/2", False),
        ("rediss://user:p%40ss@cache.example:6380", False),
    ],
)
def test_as_redis_py_reads_it(url: str, *, a_path: bool) -> None:
    assert is_path(url) is a_path
    wanted = {name: value for name, value in parse_url(url).items() if name != "connection_class"}
    assert {name: value for name, value in options_of(url).items() if name != "connection_class"} == wanted


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        options_of("http://localhost")


@pytest.mark.parametrize("role", ["gateway_role", "worker_main", "office_main", "up"])
def test_no_process_loads_what_it_may_not_need(role: str) -> None:
    asked = f"import launch.{role}, sys; print('redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
