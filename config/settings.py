"""Settings, read once. Only this package looks at the environment; everybody else is handed a `Settings`.

Limits and waits come from defaults.toml, where each has its unit in its name; an environment variable
VOUCHER_GATEWAY_<NAME> overrides one. What a person decides per installation (where the state lives, which
ports, which servers) comes from command-line arguments, then from the environment.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from importlib import resources
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

PREFIX: Final = "VOUCHER_GATEWAY_"
KEY_FILE: Final = "secret.key"
SECRET_BYTES: Final = 32
SECRET_CHARACTERS_MIN: Final = 16
ADDRESS: Final = r"^https?://[A-Za-z0-9.:\[\]-]{1,255}/?$"  # of a host: our paths begin at its root


class BadSettings(Exception):
    """What the environment or the command line says cannot be used. The text is one sentence."""


class Limits(BaseModel):
    """defaults.toml, its sections merged: names are unique."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_body_bytes: PositiveInt
    keep_alive_s: PositiveFloat
    backlog: PositiveInt
    frame_bytes_max: PositiveInt
    upstream_answer_bytes_max: PositiveInt
    drain_s: PositiveFloat
    client_gone_drain_s: PositiveFloat
    client_gone_streams_max: PositiveInt
    directory_poll_s: PositiveFloat

    wait_for_funds_s: PositiveFloat
    checkpoint_s: PositiveFloat
    checkpoint_tokens: PositiveInt
    unposted_bytes_max: PositiveInt

    token_life_s: PositiveFloat
    login_attempts_per_minute: PositiveInt
    invitation_life_s: PositiveFloat

    start_timeout_s: PositiveFloat
    stop_timeout_s: PositiveFloat
    restart_min_s: PositiveFloat
    restart_max_s: PositiveFloat
    restart_calm_s: PositiveFloat
    log_bytes_max: PositiveInt


class Settings(BaseModel):
    """One installation. `database_url` and `redis_url` are None where the embedded servers are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    office_port: int = Field(default=8081, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=256)
    database_url: str | None = None
    redis_url: str | None = None
    upstream_allow_private: bool = False
    public_url: str | None = Field(default=None, pattern=ADDRESS)  # where callers reach the data plane
    office_public_url: str | None = Field(default=None, pattern=ADDRESS)
    trusted_proxies: str | None = None  # by commas: whose X-Forwarded-For is believed
    metrics_token: str | None = Field(default=None, repr=False)
    stripe_api_key: str | None = Field(default=None, repr=False)
    stripe_api_base: str = "https://api.stripe.com"
    stripe_webhook_secret: str | None = Field(default=None, repr=False)
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: str | None = Field(default=None, repr=False)
    mail_sender: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}$")
    alert_days: str = Field(default="30,7,1", pattern=r"^[0-9]{1,3}(,[0-9]{1,3}){0,9}$")
    master_secret: str | None = Field(default=None, repr=False)
    limits: Limits

    @field_validator("trusted_proxies")
    @classmethod
    def _named_one_by_one(cls, value: str | None) -> str | None:
        """Everybody (`*`) is refused: then each caller would choose the address that it comes from."""
        return value and ",".join(str(ip_network(one.strip())) for one in value.split(","))

    def data_plane_address(self) -> str:
        """As callers reach it: it stands on pages."""
        return (self.public_url or self._here(self.port)).rstrip("/")

    def office_address(self, port: int) -> str:
        """As people reach it: it stands in links, and with https cookies are for TLS alone."""
        return (self.office_public_url or self._here(port)).rstrip("/")

    def _here(self, port: int) -> str:
        """Who listens everywhere is found on this machine; an IPv6 address stands in brackets."""
        host = {"": "localhost", "0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def metrics_dir(self) -> Path:
        return self.data_dir / "metrics"

    @property
    def unposted_dir(self) -> Path:
        """The gateways' journals of events that are not in the books yet."""
        return self.data_dir / "unposted"


FROM_ENVIRONMENT: Final[Mapping[str, str]] = {
    "data_dir": PREFIX + "DATA_DIR",
    "host": PREFIX + "HOST",
    "port": PREFIX + "PORT",
    "office_port": PREFIX + "OFFICE_PORT",
    "workers": PREFIX + "WORKERS",
    "master_secret": PREFIX + "SECRET",
    "public_url": PREFIX + "PUBLIC_URL",
    "office_public_url": PREFIX + "OFFICE_PUBLIC_URL",
    "trusted_proxies": PREFIX + "TRUSTED_PROXIES",
    "metrics_token": PREFIX + "METRICS_TOKEN",
    "database_url": "DATABASE_URL",
    "redis_url": "REDIS_URL",
    "upstream_allow_private": "UPSTREAM_ALLOW_PRIVATE",
    "stripe_api_key": "STRIPE_API_KEY",
    "stripe_api_base": "STRIPE_API_BASE",
    "stripe_webhook_secret": "STRIPE_WEBHOOK_SECRET",
    "smtp_host": "SMTP_HOST",
    "smtp_port": "SMTP_PORT",
    "smtp_security": "SMTP_SECURITY",
    "smtp_user": "SMTP_USER",
    "smtp_password": "SMTP_PASSWORD",
    "mail_sender": "MAIL_SENDER",
    "alert_days": PREFIX + "ALERT_DAYS",
}


def read_settings(environment: Mapping[str, str], **arguments: object) -> Settings:
    """Arguments before the environment before defaults. None and an empty variable say nothing."""
    values: dict[str, object] = {"data_dir": Path("data")}
    for name, variable in FROM_ENVIRONMENT.items():
        if environment.get(variable):
            values[name] = environment[variable]
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        settings = Settings(limits=read_limits(environment), **(values | given))  # type: ignore[arg-type]
    except ValidationError as error:
        options = {name: f"--{name.replace('_', '-')}" for name in given}
        raise BadSettings(_sentence(error, {**FROM_ENVIRONMENT, **options})) from error
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables by which a child process reads the same settings; what is unset stays out."""
    values = settings.model_dump(include=set(FROM_ENVIRONMENT))
    variables = {}
    for name, variable in FROM_ENVIRONMENT.items():
        value = values[name]
        if value is not None:
            variables[variable] = ("1" if value else "0") if isinstance(value, bool) else str(value)
    return variables


def read_limits(environment: Mapping[str, str]) -> Limits:
    values: dict[str, Any] = {}
    for section in tomllib.loads((resources.files("config") / "defaults.toml").read_text("utf-8")).values():
        values |= section
    variables = {name: PREFIX + name.upper() for name in values}
    for name, variable in variables.items():
        if environment.get(variable):
            values[name] = environment[variable]
    try:
        return Limits(**values)
    except ValidationError as error:
        raise BadSettings(_sentence(error, variables)) from error


def _sentence(error: ValidationError, given_as: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    return f"{given_as.get(name, name)} cannot be {first['input']!r}: {first['msg'].lower()}."


def environment() -> dict[str, str]:
    """The environment as it was when asked; the one place that looks at it."""
    return dict(os.environ)  # noqa: TID251 - this is config


def take_environment(given: Mapping[str, str]) -> None:
    """Of a forked process: what it was given, in place of what it was forked with."""
    os.environ.clear()  # noqa: TID251
    os.environ.update(given)  # noqa: TID251


def read_master_secret(settings: Settings) -> bytes:
    """VOUCHER_GATEWAY_SECRET, or the file in the data directory, which is made at first start."""
    if settings.master_secret is not None:
        if len(settings.master_secret) < SECRET_CHARACTERS_MIN:
            raise BadSettings(f"{PREFIX}SECRET is too short: at least {SECRET_CHARACTERS_MIN} characters.")
        return settings.master_secret.encode()
    path = settings.data_dir / KEY_FILE
    try:
        _make_secret(path)
        return path.read_bytes()
    except OSError as error:
        raise BadSettings(f"The secret {path} cannot be read or made: {error.strerror}.") from error


def _make_secret(path: Path) -> None:
    """Written whole under another name first: two processes that start together end up with one secret."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, secrets.token_bytes(SECRET_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # somebody else was first; theirs counts
    finally:
        fresh.unlink()
