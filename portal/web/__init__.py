"""The office's pages: HTML made here, from the same rows and by the same functions as the API's answers."""
