"""Where settings come from, in which order, and how wrong ones are said."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.settings import BadSettings, read_limits, read_master_secret, read_settings, to_environment


def test_defaults_are_the_contract() -> None:
    settings = read_settings({})
    assert (settings.port, settings.office_port, settings.host) == (8080, 8081, "127.0.0.1")
    assert settings.database_url is None
    assert settings.upstream_allow_private is False
    assert settings.limits.max_body_bytes == 32 * 1024 * 1024
    assert settings.limits.drain_s == 30


def test_arguments_come_before_the_environment() -> None:
    environment = {"VOUCHER_GATEWAY_PORT": "9000", "VOUCHER_GATEWAY_OFFICE_PORT": "9001", "REDIS_URL": ""}
    settings = read_settings(environment, port=7000, office_port=None)
    assert (settings.port, settings.office_port, settings.redis_url) == (7000, 9001, None)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"VOUCHER_GATEWAY_PORT": "99999"}, "VOUCHER_GATEWAY_PORT"),
        ({"VOUCHER_GATEWAY_DRAIN_S": "soon"}, "VOUCHER_GATEWAY_DRAIN_S"),
        ({"VOUCHER_GATEWAY_WORKERS": "0"}, "VOUCHER_GATEWAY_WORKERS"),
        ({"VOUCHER_GATEWAY_TRUSTED_PROXIES": "*"}, "VOUCHER_GATEWAY_TRUSTED_PROXIES"),
        ({"VOUCHER_GATEWAY_TRUSTED_PROXIES": "127.0.0.1,,10.0.0.1"}, "VOUCHER_GATEWAY_TRUSTED_PROXIES"),
        ({"VOUCHER_GATEWAY_TRUSTED_PROXIES": "proxy.example"}, "VOUCHER_GATEWAY_TRUSTED_PROXIES"),
        ({"VOUCHER_GATEWAY_PUBLIC_URL": "api.example.kr"}, "VOUCHER_GATEWAY_PUBLIC_URL"),
        ({"VOUCHER_GATEWAY_OFFICE_PUBLIC_URL": "https://example.kr/office"}, "OFFICE_PUBLIC_URL"),
        ({"VOUCHER_GATEWAY_OFFICE_PUBLIC_URL": "javascript://example.kr"}, "OFFICE_PUBLIC_URL"),
        ({"VOUCHER_GATEWAY_OFFICE_PUBLIC_URL": "https://a@example.kr"}, "OFFICE_PUBLIC_URL"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        read_settings(environment)


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [("port", 99999, "--port"), ("office_port", -1, "--office-port"), ("workers", 0, "--workers")],
)
def test_a_wrong_setting_is_named_as_it_was_given(name: str, value: int, option: str) -> None:
    with pytest.raises(BadSettings, match=f"^{option} cannot be {value}: "):
        read_settings({"VOUCHER_GATEWAY_PORT": "99999"} if name == "port" else {}, **{name: value})


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]")],
)
def test_people_are_shown_the_addresses_they_can_reach(host: str, shown: str) -> None:
    here = read_settings({"VOUCHER_GATEWAY_HOST": host})
    assert (here.data_plane_address(), here.office_address(9)) == (
        f"http://{shown}:8080",
        f"http://{shown}:9",
    )


def test_behind_a_proxy_people_are_shown_its_addresses() -> None:
    behind = read_settings(
        {
            "VOUCHER_GATEWAY_PUBLIC_URL": "https://api.example.kr/",
            "VOUCHER_GATEWAY_OFFICE_PUBLIC_URL": "https://[2001:db8::1]:8443",
        }
    )
    assert (behind.data_plane_address(), behind.office_address(9)) == (
        "https://api.example.kr",
        "https://[2001:db8::1]:8443",
    )


def test_a_limit_can_be_set_for_a_run() -> None:
    assert read_limits({"VOUCHER_GATEWAY_CHECKPOINT_TOKENS": "64"}).checkpoint_tokens == 64


def test_children_read_the_same_settings(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "UPSTREAM_ALLOW_PRIVATE": "1",
            "STRIPE_API_KEY": "sk_test",
            "VOUCHER_GATEWAY_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
        },
        data_dir=tmp_path,
        port=1234,
    )
    assert settings.trusted_proxies == "127.0.0.1/32,10.0.0.0/8"
    assert read_settings(to_environment(settings)) == settings


def test_secrets_do_not_show_in_a_representation() -> None:
    settings = read_settings({"VOUCHER_GATEWAY_SECRET": "s3cret-s3cret-s3cret"})
    assert "s3cret" not in repr(settings)


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = read_settings({}, data_dir=tmp_path)
    first = read_master_secret(settings)
    assert len(first) == 32
    assert read_master_secret(settings) == first
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(BadSettings, match="too short"):
        read_master_secret(read_settings({"VOUCHER_GATEWAY_SECRET": "short"}))
