"""Tests of the suite with one safeguard taken away, in a process that has imported nothing of the house yet.

So the named tests of a safeguard can be shown to fail where it is missing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.simulation.mutants import install


def run_without(name: str, tests: Sequence[str], said: Path) -> None:
    """What pytest says of them is written into a file, also where the process does not come to its end."""
    install(name)
    sink = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    import pytest  # after the change: its plugins may import of the house what they like

    pytest.main(["-n0", "-q", "-rf", "-x", "-p", "no:cacheprovider", *tests])
