"""Questions about scaling, answered on the command line: fit a measurement, find a knee, count servers, try a lock.

    python -m minisys.scaling fit throughput.csv       # columns n and throughput
    python -m minisys.scaling knee --service-s 0.025 --servers 8 --slo-s 0.25
    python -m minisys.scaling staff --load 100 --wait 0.2
    python -m minisys.scaling lock --kind waiting

The room's processes are modules of their own, such as minisys.scaling.contention.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pandas as pd

from minisys.scaling import theory, usl


def fit(options: argparse.Namespace) -> str:
    """Amdahl's law and the USL fitted to a CSV file with the columns n and throughput."""
    from minisys.scaling import curves

    frame = pd.read_csv(options.file)
    laws = curves.laws(frame)  # complains if a column is missing
    return f"{laws}\n{curves.worth_it(frame)}\n{_twice(usl.fit(frame['n'], frame['throughput']))}"


def knee(options: argparse.Namespace) -> str:
    """The highest rate at which a percentile stays under the objective, by shape."""
    found = {
        shape: theory.knee(shape, options.service_s, options.servers, options.slo_s, options.q)
        for shape in theory.SHAPES
    }
    what = f"p{options.q:g} under {options.slo_s:g} s with {options.servers} times {options.service_s:g} s"
    return "\n".join([f"{what}:", *(f"  {shape}: {rate:.4g} requests a second" for shape, rate in found.items())])


def staff(options: argparse.Namespace) -> str:
    """The servers that a load needs, exact and by the square-root rule."""
    exact = theory.servers_needed(options.load, options.wait)
    rule = theory.square_root_staffing(options.load, options.wait)
    busy = f"{100 * options.load / exact:.0f} % busy"
    return f"{options.load:g} erlangs, at most {options.wait:g} wait: {exact} servers ({busy}); by the rule {rule}"


def lock(options: argparse.Namespace) -> str:
    """Real workers at a real lock: throughput for one to twelve of them, and the fitted laws."""
    from minisys.scaling import curves, live

    frame = live.throughput(kind=options.kind, lock=options.lock, coherency=options.coherency)
    shown = frame[["n", "throughput", "lost"]].round(1).to_string(index=False)
    return f"{shown}\n{curves.laws(frame)}"


def parser() -> argparse.ArgumentParser:
    """The command line; each question is a subcommand."""
    first, *rest = (__doc__ or "").split("\n\n")
    made = argparse.ArgumentParser(
        prog="python -m minisys.scaling", description=first, epilog="\n\n".join(rest),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    asked = made.add_subparsers(required=True, metavar="question")
    one = _question(asked, "fit", fit)
    one.add_argument("file", help="a CSV file with the columns n and throughput")
    one = _question(asked, "knee", knee)
    one.add_argument("--service-s", type=float, required=True, help="mean seconds of work on one server")
    one.add_argument("--servers", type=int, required=True, help="how many, or how many times as fast")
    one.add_argument("--slo-s", type=float, required=True, help="the objective in seconds")
    one.add_argument("--q", type=float, default=99.0, help="percentile that must keep it (default: 99)")
    one = _question(asked, "staff", staff)
    one.add_argument("--load", type=float, required=True, help="offered load in erlangs: rate times seconds of work")
    one.add_argument("--wait", type=float, default=0.2, help="share of requests that may wait (default: 0.2)")
    one = _question(asked, "lock", lock)
    one.add_argument("--kind", choices=("waiting", "computing"), default="waiting", help="of work (default: waiting)")
    one.add_argument("--no-lock", dest="lock", action="store_false", help="nobody waits; updates get lost")
    one.add_argument("--no-coherency", dest="coherency", action="store_false", help="nobody is told of updates")
    return made


def _question(
    asked: argparse._SubParsersAction, name: str, answer: Callable[[argparse.Namespace], str]
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = asked.add_parser(name, help=answer.__doc__, description=answer.__doc__)
    made.set_defaults(answer=answer)
    return made


def _twice(law: usl.Fit) -> str:
    """What the fitted law says about twice as many workers as were measured."""
    n = 2 * float(law.n.max())
    (low,), (high,) = law.band(n)
    return f"with {n:g} workers: {law.predict(n):.4g} (95 %: {low:.4g} to {high:.4g}), if the law holds so far"


def main() -> None:
    """Entry point; a mistake is one clear line."""
    commands = parser()
    options = commands.parse_args()
    try:
        print(options.answer(options))
    except (ValueError, OSError) as problem:
        commands.error(str(problem))


if __name__ == "__main__":
    main()
