"""A provider's own usage statement beside the books: read, matched by the provider's request ids, kept."""
