"""The schema's history, forward only. Started by billing.migrate, never by hand."""
