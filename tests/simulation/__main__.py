"""python -m tests.simulation SEED, or --seeds N: see docs/operating/simulation.md."""

from __future__ import annotations

import sys


def _main() -> None:
    if "--mutant" in sys.argv and len(sys.argv) > 1 and sys.argv[1].isdigit():
        # A replay runs in this very process: the text is changed before anything of the house is imported.
        from tests.simulation.mutants import install

        install(sys.argv[sys.argv.index("--mutant") + 1])
    from tests.simulation.command import main

    main()


if __name__ == "__main__":
    _main()
