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
KINDS = "choice, number, drill, ordering, matching, reading, design, open"


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
    kind: Annotated[
        str, typer.Option(help="Only choice, number, drill, ordering, matching, reading, design, open.")
    ] = "",
    seed: Annotated[int | None, typer.Option(help="The same seed asks the same questions.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Today's queue: what should be repeated now.")] = False,
    add: Annotated[str, typer.Option(help="Take the questions of this YAML file as your own; asks nothing.")] = "",
) -> None:
    """Answer interview questions here, in the terminal (Ctrl-C ends it)."""
    from minisys.interview import own, terminal

    try:
        if add:
            typer.echo(f"{own.add(add)} questions are yours now; `minisys quiz own` asks them.")
            return
        if due:
            terminal.repeat(count)
            return
        terminal.run(
            chapter or None, count=count, family=family or None, level=level or None, kind=kind or None, seed=seed
        )
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


@app.command(rich_help_panel=TRY)
def up(
    design: Annotated[str, typer.Argument(help='What to start: "shop", or a file with a design.')] = "shop",
    seconds: Annotated[float | None, typer.Option("--for", min=1, help="End after so many seconds.")] = None,
    load: Annotated[float, typer.Option(min=0, help="Users a second, made by Locust (default: none).")] = 0.0,
) -> None:
    """Start a design as real processes, with a page to look at and to kill things (Ctrl-C ends it)."""
    from minisys.design import commands

    raise typer.Exit(commands.up(design, seconds, load, typer.echo))


@app.command(rich_help_panel=TRY)
def down() -> None:
    """End the design that another terminal has started."""
    from minisys.design import commands

    raise typer.Exit(commands.down(typer.echo))


@app.command(rich_help_panel=TRY)
def mock(
    case: Annotated[
        str, typer.Argument(help="The system to design, like url_shortener (default: what is unfinished).")
    ] = "",
    minutes: Annotated[int, typer.Option(help="30, 45 or 60.")] = 45,
) -> None:
    """Be interviewed here, in the terminal (Ctrl-C pauses; the same command goes on)."""
    from minisys.interview import mock_terminal

    try:
        mock_terminal.run(case, minutes)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


@app.command(rich_help_panel=COURSE)
def progress(
    export: Annotated[str, typer.Option(help="Write everything recorded to this JSON file instead.")] = "",
    merge: Annotated[str, typer.Option("--import", help="Add what this JSON file has and you have not.")] = "",
) -> None:
    """Show what is done by chapter, family and level, how sure you were, and the next step."""
    from minisys.grading import exchange, terminal

    try:
        if export:
            typer.echo(f"{exchange.save(export)} rows written to {export}.")
        if merge:
            typer.echo(f"{exchange.merge(merge)} rows added from {merge}.")
    except (OSError, ValueError) as problem:
        raise typer.BadParameter(str(problem)) from None
    if not (export or merge):
        terminal.show()


@app.command(rich_help_panel=TRY)
def cards(
    file: Annotated[str, typer.Argument(help="Where to: .apkg (Anki), .csv or .md.")],
    chapter: Annotated[str, typer.Argument(help='One chapter, like "03", or "own" (default: all).')] = "",
) -> None:
    """Take the questions along, answers included: for Anki, a spreadsheet or paper."""
    from minisys.interview import anki

    try:
        typer.echo("Writing the questions; the charts are simulated, which may take a minute or two …", err=True)
        typer.echo(f"{anki.export(file, chapter or None)} questions written to {file}.")
    except (OSError, ValueError) as problem:
        raise typer.BadParameter(str(problem)) from None


def main() -> None:
    """Run the command line."""
    app()
