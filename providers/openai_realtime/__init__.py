"""OpenAI's Realtime API: what both sides say in a session, and what a response of it costs. Pure."""
