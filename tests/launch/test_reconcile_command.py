"""`reconcile` as people call it: what it prints, and its exit codes."""

from __future__ import annotations

import psycopg

from tests.launch.test_audit_commands import Shell, shell

__all__ = ["shell"]


def test_a_statement_beside_the_books(shell: Shell) -> None:
    with psycopg.connect(shell.url) as connection:
        connection.execute("insert into provider (id, name) values ('nuri', '누리모델')")
    statement = shell.folder / "nuri.csv"
    statement.write_text("request_id,output_tokens\nr-\x1b[2J,7\n", "utf-8")
    of_nuri = ("reconcile", "nuri.csv", "--provider", "nuri", "--month", "2026-09")
    code, told, _ = shell(*of_nuri)
    assert code == 1
    assert told.splitlines() == [
        "month: 2026-09",
        "matched: 0 (theirs 0 won, ours 0 won)",
        "differs: 0 (theirs 0 won, ours 0 won)",
        "only_theirs: 1 (theirs 0 won, ours 0 won)",
        "only_ours: 2 (theirs 0 won, ours 1.000006 won)",
        r"finding: only_theirs: theirs line 2 'r-\x1b[2J', ours -: not_in_the_books",
        "finding: only_ours: theirs -, ours op_0: no_request_id",
        "finding: only_ours: theirs -, ours op_1: no_request_id",
    ]
    statement.write_text("request_id,output_tokens\nr-1,many\n", "utf-8")
    code, _, refused = shell(*of_nuri)
    assert code == 2
    assert "line 2, output_tokens: This is no such number" in " ".join(refused.split())
    assert shell("reconcile", "nuri.csv", "--provider", "nuri", "--month", "2026-9")[0] == 2
