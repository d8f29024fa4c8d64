"""The end of a voucher: settled, reported, audited, clawed back, kept."""
