"""Callers of OpenAI's Responses API, on vendors of other dialects and on those that have chats alone."""
