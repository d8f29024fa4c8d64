"""The journal: balanced entries over named accounts, written once."""
