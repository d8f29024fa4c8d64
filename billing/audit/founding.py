"""The founding batch: number 0, which takes in what was booked before there was a log.

Called once, by the migration that makes the log's tables and in its SQL transaction, on a plain connection.
"""

from __future__ import annotations

from typing import Any

import psycopg

from billing.audit.leaf import NO_BATCH_BEFORE, RECORD_TABLES, Batch, record_hash
from billing.audit.merkle import Tree
from billing.audit.stored_lines import lines_of_founding


def found_log(connection: psycopg.Connection[Any]) -> None:
    """Every record of batch 0 is read once, as a stream; the tree keeps only its right edge."""
    tree = Tree()
    counts = []
    with connection.cursor() as cursor:
        for table in RECORD_TABLES:
            before = tree.size
            with cursor.copy(lines_of_founding(table)) as rows:
                pending = b""
                for block in rows:
                    lines = (pending + bytes(block)).split(b"\n")
                    pending = lines.pop()
                    for line in lines:
                        tree.add(record_hash(table, line.split(b"\t", 2)[2]))
            counts.append(tree.size - before)
        cursor.execute(
            "insert into batch (id, root, change_rows, entry_rows, posting_rows, usage_rows, parked_rows)"
            " values (0, %s, %s, %s, %s, %s, %s) returning at_ms",
            [tree.root(), *counts],
        )
        row = cursor.fetchone()
        assert row is not None, "just inserted"
        batch = Batch(0, tree.root(), tuple(counts), row[0], NO_BATCH_BEFORE)
        cursor.execute("insert into log values (0, 0, %s)", [NO_BATCH_BEFORE])
        cursor.execute("insert into log_node values (0, 0, %s)", [batch.leaf()])
