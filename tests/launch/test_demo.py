"""The demo shows the same key, logins and vendor port at every start, and its data can be filled in."""

from __future__ import annotations

import re
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

import yaml

from launch.demo import DECLARATION, KEPT, Demo, open_demo
from launch.screen import Login, curl_line, demo_screen


def test_a_second_start_shows_the_same(tmp_path: Path) -> None:
    first = open_demo(tmp_path)
    with first.bind_vendor(tmp_path):
        pass
    second = open_demo(tmp_path)
    assert second == first
    assert stat.S_IMODE((tmp_path / KEPT).stat().st_mode) == 0o600
    with second.bind_vendor(tmp_path) as listener:
        assert listener.getsockname()[1] == first.vendor_port


def test_a_taken_vendor_port_is_left(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo = Demo(api_key="k", passwords={}, vendor_port=taken.getsockname()[1])
        with demo.bind_vendor(tmp_path) as listener:
            assert listener.getsockname()[1] != taken.getsockname()[1]


def test_the_sample_data_is_filled_in_whole() -> None:
    demo = open_demo(Path("absent"))
    variables = demo.variables(7777, now=datetime(2027, 12, 31, 16, tzinfo=UTC))  # new year's day in Korea
    text = DECLARATION.read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(variables)
    for name, value in variables.items():
        text = text.replace(f"${{{name}}}", value)
    data = yaml.safe_load(text)
    assert data["programmes"][0]["id"] == "hyperscale-api-2028"
    assert [len(data[kind]) for kind in ("programmes", "providers", "companies")] == [1, 3, 3]
    assert {user["role"] for user in data["users"]} == {"operator", "auditor", "company", "provider"}


def test_the_screen_says_what_to_do_next() -> None:
    screen = demo_screen(
        data_plane="http://d:1",
        office="http://o:2",
        api_key="vg_demo_1",
        model="nuri-x1",
        logins=[Login(role="operator", email="operator@demo.example", password="p")],
    )
    assert "vg_demo_1" in screen
    assert "simulations" in screen
    line = curl_line(address="http://d:1", api_key="vg_demo_1", model="nuri-x1")
    assert screen.rstrip().endswith(line)
    assert "\n" not in line
