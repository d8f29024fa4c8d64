"""OpenAI's files and batches: what is uploaded once and what runs in a day, apart from any call."""
