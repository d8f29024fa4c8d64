"""Starts a server so that it cannot outlive who started it.

    leash.py PARENT SIGNAL UID GID REACH COMMAND...

Run as a script of its own, between fork and the server's own `exec`, so that no code of ours runs in a forked
copy of a big process. It drops from root to UID and GID, asks the kernel to send SIGNAL when the parent dies,
and becomes COMMAND. It imports nothing but the standard library: it runs with `-I -S`.

REACH = 1 keeps one capability over the drop: to walk through (and read in) directories that belong to
root. It is used where the data directory or the virtual environment lies below a directory that only root
may enter, such as /root. The alternative, opening those directories to everybody, would change the machine
behind its owner's back.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_KEEPCAPS: Final = 8
PR_SET_SECUREBITS: Final = 28
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2
LINUX_CAPABILITY_VERSION_3: Final = 0x20080522


class _Failed(Exception):
    pass


def permitted_reach() -> int | None:
    """The capability that opens foreign directories to us, if this process has one to give."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("CapPrm:"))
    except (OSError, StopIteration):
        return None
    permitted = int(line.split()[1], 16)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if permitted >> capability & 1:
            return capability
    return None


def _call(what: str, result: int) -> None:
    if result != 0:
        raise _Failed(f"{what}: {os.strerror(ctypes.get_errno())}")


def _hand_over(libc: ctypes.CDLL, capability: int) -> None:
    """Make one capability effective and ambient, so that it survives the `exec` of an ordinary program."""
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _call("capset", libc.capset(header, data))
    _call("prctl", libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def become(*, uid: int, gid: int, reach: bool) -> None:
    """Drop from root. The order matters: groups first, then the group, then the user."""
    libc = ctypes.CDLL(None, use_errno=True)
    capability = permitted_reach() if reach else None
    if capability is not None:
        _call("prctl", libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        # Without this, access(2) ignores the capability, and initdb asks by it whether its programs are
        # there. Where it is not permitted, most of what is needed works all the same.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        _hand_over(libc, capability)


def die_with(parent: int, death_signal: int) -> None:
    """Ask for a signal at the parent's death; if it is dead already, there is nobody to work for.

    The kernel forgets this when credentials change, so it comes after `become`.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    _call("prctl", libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        raise SystemExit(0)


def main(argv: list[str]) -> None:
    parent, death_signal, uid, gid, reach = (int(word) for word in argv[1:6])
    command = argv[6:]
    try:
        if os.geteuid() == 0 and uid >= 0:
            become(uid=uid, gid=gid, reach=bool(reach))
        die_with(parent, death_signal)
        os.execv(command[0], command)  # noqa: S606 - becoming the server is this file's purpose
    except (OSError, _Failed) as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        raise SystemExit(126) from error


if __name__ == "__main__":
    main(sys.argv)
