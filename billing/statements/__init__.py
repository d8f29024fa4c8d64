"""Monthly statements: from sums of the books to sheets, and the closing of months."""
