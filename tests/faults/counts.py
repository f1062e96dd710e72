"""The counts of the fault tests, summed up over all processes and printed at the end; hooks of ``tests/conftest.py``."""

from collections import Counter

_COUNTS = Counter()


def pytest_runtest_logreport(report):
    """Add what a test counted."""
    if report.when != "call":
        return
    for name, value in report.user_properties:
        if name == "count":
            _COUNTS[value[0]] += value[1]
    if report.nodeid.startswith("tests/crash/") and report.passed:
        for part, what in (
            (
                "test_killed_at_a_failpoint",
                "runs killed at a failpoint on the local backend, creates",
            ),
            (
                "test_killed_at_a_random_moment",
                "runs killed at a random moment on the local backend",
            ),
        ):
            _COUNTS[what] += part in report.nodeid


def pytest_terminal_summary(terminalreporter):
    """Print the sums."""
    if any(_COUNTS.values()):
        terminalreporter.section("faults")
        for what, times in sorted(_COUNTS.items()):
            terminalreporter.write_line(f"{times:7d}  {what}")
