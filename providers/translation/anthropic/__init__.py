"""Anthropic's messages, understood and spoken."""
