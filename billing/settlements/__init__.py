"""The end of an agreement: settled, reported, audited, clawed back, kept."""
