"""What `up` says to the person in front of it: what it waits for, and in the end what to do next."""

from __future__ import annotations

import json
from dataclasses import dataclass

from rich.console import Console

from launch.supervise import Step


class TerminalStep(Step):
    """A spinner on a terminal's standard error; nothing where it is not a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        if self._status is not None:
            self._status.start()

    def say(self, text: str) -> None:
        if text.startswith("warning:"):
            self._console.print(text, style="yellow", highlight=False)
        elif self._status is not None:
            self._status.update(text)

    def done(self) -> None:
        if self._status is not None:
            self._status.stop()


@dataclass(frozen=True, slots=True)
class Login:
    role: str
    email: str
    password: str


def curl_line(*, address: str, api_key: str, model: str) -> str:
    """One line that works when pasted into a shell."""
    body = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "안녕하세요"}]}, ensure_ascii=False
    )
    return (
        f"curl -s {address}/v1/chat/completions -H 'Authorization: Bearer {api_key}'"
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


def start_screen(*, data_plane: str, office: str) -> str:
    return f"voucher-gateway is running.\n\n  data plane   {data_plane}\n  office       {office}\n"


def demo_screen(*, data_plane: str, office: str, api_key: str, model: str, logins: list[Login]) -> str:
    width = max(len(login.email) for login in logins)
    people = "\n".join(f"    {login.role:<9} {login.email:<{width}}  {login.password}" for login in logins)
    return (
        f"{start_screen(data_plane=data_plane, office=office)}\n"
        f"  API key      {api_key}\n"
        f"  portal       {office}/\n"
        f"  logins\n{people}\n\n"
        "  The vendors of this demo are simulations. Try:\n\n"
        f"{curl_line(address=data_plane, api_key=api_key, model=model)}\n"
    )
