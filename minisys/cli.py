"""The command `minisys`: the course's front door in a terminal.

You have forgotten how to open the notebooks, or whether this machine has NGINX. `minisys --help` is a menu of what
there is. Each command loads its room only when it is called, so the menu appears at once and a room that is broken
does not break the others. It holds no logic of its own.
"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="minisys",
    help="Build, measure and break the parts of large systems on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
COURSE, TRY = "The course", "Try things"


@app.command(rich_help_panel=COURSE)
def lab(
    page: Annotated[str, typer.Argument(help="The notebook to open.")] = "notebooks/00_welcome.ipynb",
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try; the next free one is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open the browser when there is a screen.")] = True,
) -> None:
    """Open the course in JupyterLab (Ctrl-C ends it)."""
    from minisys import lab_server

    raise typer.Exit(lab_server.run(page=page, port=port, browser=browser))


@app.command(rich_help_panel=COURSE)
def doctor() -> None:
    """Check this machine, and say how to mend what is wrong."""
    from minisys import doctor as room

    raise typer.Exit(room.run())


@app.command(rich_help_panel=TRY)
def quiz(
    chapter: Annotated[str, typer.Argument(help='One chapter, like "03" (default: all).')] = "",
    count: Annotated[int, typer.Option(min=1, help="How many questions.")] = 8,
    family: Annotated[str, typer.Option(help="Only scale, consistency, balancing, data or resilience.")] = "",
    level: Annotated[str, typer.Option(help="Only this level: junior, mid, senior or staff.")] = "",
    kind: Annotated[str, typer.Option(help="Only choice, number, drill, ordering or open.")] = "",
    seed: Annotated[int | None, typer.Option(help="The same seed asks the same questions.")] = None,
) -> None:
    """Answer interview questions here, in the terminal (Ctrl-C ends it)."""
    from minisys.interview import terminal

    try:
        terminal.run(
            chapter or None, count=count, family=family or None, level=level or None, kind=kind or None, seed=seed
        )
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


@app.command(rich_help_panel=COURSE)
def progress() -> None:
    """Show what is done, and the next step."""
    from minisys.grading import board

    typer.echo(board.board().text())


def main() -> None:
    """Run the command line."""
    app()
