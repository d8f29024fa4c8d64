"""Every text of the pages: a key, the Korean, the English."""
