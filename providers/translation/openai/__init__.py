"""OpenAI's chat completions, understood and spoken."""
