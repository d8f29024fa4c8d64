"""A simulated vendor: a process of its own that speaks the OpenAI dialect and counts tokens honestly.

It exists so that the whole road can be driven, tested and shown without an account anywhere: it answers with
filler text that says so, bills by a published tokenizer, keeps a log of what it billed (the other side of
every comparison with our books), and breaks on demand. It can replay recorded exchanges byte by byte.

It shares no code with the gateway: it must not agree with it by construction.
"""
