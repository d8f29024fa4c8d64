"""`python -m launch.demo_vendor`: the simulated vendor as a process."""

from __future__ import annotations

import sys

from launch.demo_vendor.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
