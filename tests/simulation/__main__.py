"""python -m tests.simulation SEED, or --seeds N: see docs/operating/simulation.md."""

from __future__ import annotations

from tests.simulation.command import main

if __name__ == "__main__":
    main()
