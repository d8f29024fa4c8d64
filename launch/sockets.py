"""The listening sockets. The supervisor binds each port once, before anything else; its children share it.

A port is bound early, so that a busy one is said before anything is made, and listens late: until then a
caller is refused by the kernel, not kept waiting.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Final

from launch.refusal import Refused

BUSY_WAIT_S: Final = 1.0  # a run that was just killed lets go of its port within moments


def bind(host: str, port: int, *, what: str) -> socket.socket:
    """Raises Refused. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline_s = time.monotonic() + BUSY_WAIT_S
    while True:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline_s:
                time.sleep(0.1)
                continue
            raise Refused(_sentence(error, host, port, what)) from error
        return listener


def _sentence(error: OSError, host: str, port: int, what: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} for the {what} is busy: another program listens on it; choose another."
        case errno.EACCES | errno.EPERM:
            return f"Port {port} for the {what} needs a right this user does not have; choose one above 1023."
        case _:
            return f"Address {host}:{port} for the {what} cannot be used: {error.strerror}."


def adopt(fd: int) -> socket.socket:
    """The socket behind an inherited descriptor."""
    return socket.socket(fileno=fd)


def port_of(listener: socket.socket) -> int:
    port = listener.getsockname()[1]
    assert isinstance(port, int)
    return port
