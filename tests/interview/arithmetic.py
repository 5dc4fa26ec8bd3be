"""Does the arithmetic that a drill's step shows, as a reader would: numbers and signs count, words and units do not."""

from __future__ import annotations

import math
import re

SIGNS = {"×": "*", "÷": "/", "−": "-", "^": "**"}
ALLOWED = re.compile(r"(?:log|comb|[\d.]|[-+*/(),\s])+")


def result(text: str) -> float:
    """What *text* comes to: "(1 − 2 %) ^ 3", "C(5 − 1, 2)", "7 ÷ 2, rounded up", "the larger of 3 and 8"."""
    if text.startswith("the larger of "):
        return max(float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*", text))
    up = text.endswith(", rounded up")
    said = text.removesuffix(", rounded up")
    said = re.sub(r"(?<=\d),(?=\d{3})", "", said)
    for sign, python in SIGNS.items():
        said = said.replace(sign, f" {python} ")
    said = re.sub(r"([\d.]+) ?%", r"(\1 * 0.01)", said).replace("C(", "comb(")
    said = re.sub(r"(?!log\(|comb\()(?<![A-Za-zµ])[A-Za-zµ/]*[A-Za-zµ][A-Za-zµ/]*(?!\()", "", said)
    if not ALLOWED.fullmatch(said):
        raise ValueError(f"no arithmetic: {text!r}, understood as {said!r}")
    value = eval(said, {"__builtins__": {}, "log": math.log, "comb": lambda n, k: math.comb(int(n), int(k))})
    return math.ceil(value - 1e-9) if up else float(value)
