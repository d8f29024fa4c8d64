"""The log of the books: what makes a change of history visible (docs/concepts/tamper-evidence.md)."""
