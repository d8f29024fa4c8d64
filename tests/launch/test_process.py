"""When a process looks for cycles: not while it starts, and again once it serves."""

from __future__ import annotations

import subprocess
import sys

STORY = """
import gc
from launch.process import collect_later, collect_seldom

collect_later()
print(gc.isenabled(), gc.get_freeze_count() > 0)
collect_seldom()
print(gc.isenabled(), gc.get_freeze_count() > 0)
"""


def test_what_is_built_at_the_start_is_not_looked_at_and_what_comes_later_is() -> None:
    ran = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["False False", "True True"]
