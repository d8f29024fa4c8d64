"""The settings of one role or command that needs running servers."""

from __future__ import annotations

from config.settings import Settings, environment, read_settings
from launch.refusal import Refused


def role_settings(*, needs_redis: bool = True, **arguments: object) -> Settings:
    """Settings of one role: its servers are named, or those of a running `up` on its data directory."""
    from launch import running

    settings = running.with_running_servers(read_settings(environment(), **arguments))
    missing = ["DATABASE_URL"] if settings.database_url is None else []
    if needs_redis and settings.redis_url is None:
        missing.append("REDIS_URL")
    if missing:
        raise Refused(
            f"{' and '.join(missing)} must be set, or `voucher-gateway up` be running on {settings.data_dir}."
        )
    return settings
