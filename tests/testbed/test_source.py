"""A policy is shown in the notebook as it stands in the package."""

from __future__ import annotations

from minisys.testbed.source import source
from minisys.testbed.workload import Poisson, stream


def test_source_shows_the_lines_of_the_package_itself_one_thing_below_the_other():
    text = source(stream, Poisson).data
    assert text.startswith("def stream(") and "\n\n@dataclass(frozen=True)\nclass Poisson" in text
