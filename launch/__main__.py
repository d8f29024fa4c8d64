"""`python -m launch`: the same program where its script is not installed."""

from __future__ import annotations

from launch.cli import main

if __name__ == "__main__":
    main()
