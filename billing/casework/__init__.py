"""The casework of programmes in PostgreSQL: what billing.lifecycle decides, written down with who and why."""
