"""What the tests of the interview room share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def _retries_from_the_model() -> Iterator[None]:
    """Readings about retries are played once each, by the SimPy model: it equals the compiled twin to the last bit
    (tests/resilience), which takes longer to compile than all these runs take."""
    from minisys.interview.readings import retries
    from minisys.resilience import model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retries, "fast", model)
        patch.setattr(retries, "play", cache(retries.play))
        yield
