"""Alerts: found in the books, each once; sent by mail and signed webhook until they are there or given up."""
