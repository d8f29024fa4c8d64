"""Long jobs: asked for in the office, done by a worker, shown while they run, safe to kill."""
