"""What operators are promised is what the chaos suite judges by."""

from __future__ import annotations

from tests.chaos.faults import FAULTS
from tests.rules.test_docs import OPERATIONS, section, tables


def test_the_promises_of_the_chaos_suite_are_those_of_the_page() -> None:
    told, *_ = tables(section(OPERATIONS, "What happens when"))
    assert told == [[one.when, one.promise] for one in FAULTS]
