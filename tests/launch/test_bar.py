"""The bar of long commands: on a terminal, and nowhere else."""

from __future__ import annotations

import io

from rich.console import Console

from launch.bar import bar


def test_a_bar_is_for_terminals() -> None:
    terminal, file = io.StringIO(), io.StringIO()
    for out, is_terminal in ((terminal, True), (file, False)):
        with bar("rows", Console(file=out, force_terminal=is_terminal, width=80)) as progress:
            progress(500, None)
            progress(1_000, 2_000)
    assert "1000/2000" in terminal.getvalue()
    assert file.getvalue() == ""
