"""Ollama's own chat, spoken to its vendor; its own callers have no products here."""
