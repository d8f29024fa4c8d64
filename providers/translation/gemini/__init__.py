"""Google's Gemini, understood and spoken."""
