"""CLOVA Studio's chat completions v3, spoken to its vendor; its own callers have its own products."""
