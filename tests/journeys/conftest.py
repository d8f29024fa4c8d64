"""All journeys start real processes, so all are marked slow.

They race kills against clocks on a machine that does other things too. One that misses is run once more and
the summary counts it as rerun: seen, not hidden. What fails twice fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.flaky(reruns=1))
