"""What is told of the machine that was measured on."""

from __future__ import annotations

from benchmarks.machine import before, machine, withheld


def test_what_the_hypervisor_withheld_is_a_share_of_all_time() -> None:
    assert withheld((10, 0, 5, 80, 0, 0, 1, 4, 3, 0), (40, 0, 15, 120, 0, 0, 1, 24, 33, 0)) == 0.2


def test_no_time_has_nothing_withheld() -> None:
    assert withheld((1,) * 10, (1,) * 10) == 0


def test_a_line_tells_how_busy_the_machine_was() -> None:
    line = machine(before())
    assert "load average" in line
    assert "withheld by the hypervisor" in line
