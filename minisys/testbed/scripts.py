"""The program of a widget's page: the parts that pages share, and its own.

Five pages need the same ten lines to make a button that JupyterLab's shortcuts leave alone. A widget is given one text
as its program, so the shared parts are put before its own.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def program(*own: Path, player: bool = False) -> str:
    """JavaScript: widget.js, player.js if a film is played, then the files *own* in this order."""
    shared = [HERE / "widget.js"] + [HERE / "player.js"] * player
    return "\n".join(path.read_text("utf-8") for path in (*shared, *own))
