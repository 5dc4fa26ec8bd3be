"""The progress file after years: 10,000 answers in it, how long until today's queue and the board are there?

Each in a fresh process, as a kernel meets it, the libraries imported; the file is the reader's own format on this
machine's disk. The first look after an update computes all cards, and counts the checks of each lab, once: rows of
their own.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.report import Section
from minisys.grading.progress import Progress
from minisys.interview.families import FAMILIES, LEVELS

ANSWERS, QUESTIONS, DAYS = 10_000, 480, 400
LOOKS = {  # what, its goal in ms (0: none), the code
    "today's queue": (
        50, "from minisys.interview import own, repetition", "repetition.queue(progress, known=own.known())",
    ),
    "the progress board": (1000, "from minisys.grading import board", "board.board(None, progress).html()"),
    "streak and calibration": (0, "from minisys.interview import habits", "habits.habits(progress)"),
}  # fmt: skip
NOTE = f"""{ANSWERS:,} answers to {QUESTIONS} questions over {DAYS} days in the progress file; median of {{rounds}} \
fresh processes, imports left out. The first look after an update computes all cards, or imports every lab \
to count its checks."""
PROGRAM = """import sys, time
from minisys.grading.progress import Progress
{imports}
progress = Progress(sys.argv[1])
begin = time.perf_counter()
{call}
print(time.perf_counter() - begin)"""


def fill(path: Path, seed: int = 0) -> Progress:
    """A progress file with ANSWERS answers, its cards not computed yet."""
    dice, now_s, progress = random.Random(seed), time.time(), Progress(path)
    rows = []
    for _ in range(ANSWERS):
        number = dice.randrange(QUESTIONS)
        told = f'{{"family": "{dice.choice(list(FAMILIES))}", "level": "{dice.choice(LEVELS)}", "confidence": "sure"}}'
        at_s = now_s - 86_400 * DAYS * dice.random()
        rows.append((at_s, "question", f"{number % 16:02d}", f"q-{number}", dice.choice((0, 0.5, 1)), 1, told))
    progress.do(lambda db: db.executemany("INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", sorted(rows)))
    return progress


def looked(path: Path, imports: str, call: str) -> float:
    """Milliseconds that *call* took in a process of its own."""
    program = PROGRAM.format(imports=imports, call=call)
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return 1000 * float(done.stdout.split()[-1])


def section(rounds: int, say: Callable[[str], None]) -> Section:
    """Milliseconds until each of LOOKS is there."""
    say(f"interview: {ANSWERS:,} answers")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "progress.sqlite3"
        fill(path)
        for what in list(LOOKS)[:2]:
            rows.append((f"{what}, the first look", f"{looked(path, *LOOKS[what][1:]):,.0f} ms", "", ""))
        for what, (goal, imports, call) in LOOKS.items():
            took = median(looked(path, imports, call) for _ in range(rounds))
            met = "" if not goal else "met" if took < goal else "**missed**"
            rows.append((what, f"{took:,.1f} ms", f"< {goal:,} ms" if goal else "", met))
    return Section("A progress file after years", NOTE.format(rounds=rounds), ["what", "measured", "goal", ""], rows)
