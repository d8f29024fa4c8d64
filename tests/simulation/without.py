"""A plugin of pytest: the suite with one safeguard taken away, named by the variable WITHOUT.

Given as `-p tests.simulation.without` it comes before anything of the house is imported, so that the named
tests of a safeguard can be shown to fail where it is missing.
"""

from __future__ import annotations

import os

from tests.simulation.mutants import install

install(os.getenv("WITHOUT", ""))
