"""`backup` and `restore`: a consistent copy of the books, and back from it (docs/operating/backup.md)."""
