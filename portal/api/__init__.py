"""The office's REST API: one module per kind, each route thin: parse, authorise, casework, answer."""
