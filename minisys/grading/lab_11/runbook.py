"""Lab 11, task 6: the learner's runbooks, judged by faults in virtual time, and then by SIGKILL.

Nothing is compared with a list. Each check injects one kind of fault and looks at what users and people on call got.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from statistics import fmean

from IPython.utils.capture import capture_output

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.observability.healing import healing
from minisys.observability.healing_model import BOOT_S, NEW_S, PERIOD_S, Fault, Run, draw, simulate
from minisys.observability.runbooks import Limits, Runbooks

Write = Callable[[], str]
UNSEEN, FASTER = (31, 32, 33), 60.0
MTTR_S, REPAIRS = 300.0, 5
SAMPLE = "such as `runbooks: {silent: {steps: [restart], after: 1}}` and, in a line of its own, `limits: {wait_s: 60}`"
CURABLE = ("crash", "hang", "leak", "bad disk")


def book_of(write: Write) -> Runbooks:
    """The learner's runbooks. Raises NotRun if they cannot be read: the first check says why, once is enough."""
    try:
        return read(write)
    except Wrong:
        raise NotRun("the runbooks cannot be read; the first check says why") from None


def read(write: Write) -> Runbooks:
    """The learner's runbooks. Raises Wrong with the place of the mistake."""
    text = write()
    if not isinstance(text, str):
        look = "is there a `return`?" if text is None else ""
        raise Wrong(repr(text)[:80], expected="YAML, as text", look=look)
    try:
        return Runbooks.from_yaml(text)
    except ValueError as problem:
        raise Wrong(str(problem), expected="runbooks and limits", look=SAMPLE) from None


@lru_cache(maxsize=64)
def after(book: Runbooks, *faults: Fault) -> Run:
    """An hour with *faults*, kept."""
    return simulate(book, faults, for_s=3_600.0)


def done(run: Run) -> str:
    """What the supervisor did, in a line."""
    acts = [f"{act.action} after {act.at_s - 60:.0f} s ({act.symptom})" for act in run.acts[:5]]
    return ", ".join(acts) or "nothing was done"


def reads(write: Write) -> str:
    """YAML that is understood."""
    book = read(write)
    if not book.books:
        raise Wrong("no runbook", expected="one for each symptom", look=SAMPLE)
    return ", ".join(f"{each.symptom}: {', then '.join(each.steps)}" for each in book.books)


def quick(write: Write) -> str:
    """A crash and a hang are repaired by a restart, once."""
    for kind, looks in (("crash", 2), ("hang", 4)):
        run = after(book_of(write), Fault(60.0, kind, 2))
        if run.repairs > 1:
            look = f"a machine needs {BOOT_S:.0f} s to boot; who waits less restarts what is starting: wait_s"
            raise Wrong(done(run), given=f"one {kind}", expected="one repair", look=look)
        if run.mttr_s > BOOT_S + looks * PERIOD_S + 2 * PERIOD_S:
            look = "a restart is the fastest cure there is; look at `after` too: every look is 2 s"
            raise Wrong(f"{run.mttr_s:.0f} s: {done(run)}", given=f"one {kind}", expected="back in 25 s", look=look)
    times = (f"{kind} {after(book_of(write), Fault(60.0, kind, 2)).mttr_s:.0f} s" for kind in ("crash", "hang"))
    return ", ".join(times)


def stubborn(write: Write) -> str:
    """A bad disk: a restart does not help, a new machine does."""
    book = book_of(write)
    run = after(book, Fault(60.0, "bad disk", 2))
    if run.mttr_s > 4 * NEW_S:
        raise Wrong(f"{run.mttr_s:.0f} s: {done(run)}", given="one machine with a bad disk: slow",
                    expected=f"well within {4 * NEW_S:.0f} s, without a human", look=_uncured(book, run))  # fmt: skip
    return f"{run.mttr_s:.0f} s: {done(run)}"


def _uncured(book: Runbooks, run: Run) -> str:
    """Why a bad disk was not cured."""
    slow = book.for_symptom("slow")
    if not run.acts:
        return "a slow one is no dead one: it needs a runbook of its own"
    if any(act.action == "replace" for act in run.acts):
        return f"a new machine needs {NEW_S:.0f} s: who waits less after it disturbs it"
    if slow is not None and "replace" in slow.steps and book.limits.wait_s < BOOT_S:
        return f"wait_s is shorter than a boot ({BOOT_S:.0f} s): what is starting looks dead, so `replace` never came"
    return "what a restart does not cure, a new machine may: the next step"


def loop(write: Write) -> str:
    """What nothing cures is given up, and somebody is told."""
    for kind in ("crash loop", "bad release"):
        run = after(book_of(write), Fault(60.0, kind, 2))
        pages = [act for act in run.acts if act.action == "page"]
        if run.repairs > REPAIRS:
            look = "limits: so many `steps` `within_s` seconds; with waits that double, the window must be long enough"
            raise Wrong(
                f"{run.repairs} repairs in an hour", given=f"a {kind}", expected=f"at most {REPAIRS}", look=look
            )
        if not pages or pages[0].at_s > 60 + 600:
            look = "a symptom without a runbook reaches nobody; long waits keep the human in bed"
            raise Wrong(done(run), given=f"a {kind}", expected="a page within ten minutes", look=look)
    return "given up, and a human was told"


def gently(write: Write) -> str:
    """Half of the fleet leaks: not all of it is restarted at once."""
    run = after(book_of(write), *(Fault(60.0, "leak", place) for place in (0, 2, 4)))
    if run.present.min() < run.needed:
        look = "slow ones serve, slowly; those that boot serve nobody: at_once"
        raise Wrong(f"{run.present.min()} of 6 machines were there", given="three of six machines are slow",
                    expected=f"{run.needed}, which are needed", look=look)  # fmt: skip
    return f"{run.present.min()} of 6 were there all the time"


def elsewhere(write: Write) -> str:
    """All are slow: the database is."""
    run = after(book_of(write), Fault(60.0, "slow database"))
    if run.repairs or run.pages != 1 or run.mttr_s > 1_200:
        look = "the supervisor holds back and pages by itself, if `slow` has a runbook whose `after` is not endless"
        raise Wrong(f"{run.repairs} repairs, {run.pages} pages, {run.mttr_s:.0f} s", given="a slow database",
                    expected="no repair, one page", look=look)  # fmt: skip
    return "no repair, one page"


def evenings(write: Write) -> str:
    """Faults that can be repaired, at random moments and places, three times."""
    book = book_of(write)
    drawn = [draw(8, for_s=3_600.0, seed=seed, kinds=CURABLE) for seed in UNSEEN]
    mean_s = fmean(after(book, *faults).mttr_s for faults in drawn)
    pages = sum(after(book, *faults).pages for faults in drawn)
    if mean_s > MTTR_S:
        look = "who waits for a human though a restart or a new machine would do? Is a machine's turn long in coming?"
        raise Wrong(f"{mean_s:.0f} s, {pages} pages", given="mean time to repair over three unseen evenings",
                    expected=f"at most {MTTR_S:.0f} s", look=look)  # fmt: skip
    return f"MTTR {mean_s:.0f} s, {pages} pages; without runbooks {simulate(None, drawn[0]).mttr_s:.0f} s"


def live(write: Write) -> str:
    """Real processes: one crash, one crash loop, users all the while; all times of the limits 60 times shorter."""
    book = book_of(write)
    limits = book.limits
    fast = Limits(
        limits.steps, limits.within_s / FASTER, limits.wait_s / FASTER, limits.longest_wait_s / FASTER, limits.at_once
    )
    with capture_output():  # a note that this machine was busy is no part of the verdict, which uses no latency
        run = healing(replace(book, limits=fast), crashes=1, every_s=1.2, loop="c")
    crash = next(each for each in run.outages if each.name == "a")
    if crash.back_s is None:
        raise Wrong("it was not repaired", given="SIGKILL to one of three live backends", expected="a new process")
    if not run.pages:
        raise Wrong("nobody was paged", given="a live backend that dies as soon as it is there", expected="a page")
    return "the crash was repaired, the loop given up with a page"


RUNBOOK = (
    Check("runbooks that can be read", reads),
    Check("a crash and a hang: one repair, 25 s", quick, 20.0),
    Check("a bad disk: without a human", stubborn, 20.0),
    Check("what nothing cures: given up and paged", loop, 20.0),
    Check("half of the fleet is slow: four of six stay", gently, 20.0),
    Check("a slow database: hands off", elsewhere, 20.0),
    Check("three unseen evenings", evenings, 60.0, after_others=True),
    Check("live: a crash and a crash loop", live, 60.0, after_others=True),
)
