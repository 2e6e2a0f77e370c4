"""Lines that a test says aloud at the end of the run, whether it passed or not, xdist or not.

A pytest plugin: the fixture `say` takes a line. What a test skips for want of a program is said with `is_loud`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

_LINE = "line for the summary"
_LOUD = "loud line for the summary"

Say = Callable[..., None]


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """`say(text, is_loud=False)`: a line for the end of the run."""

    def add(text: str, *, is_loud: bool = False) -> None:
        request.node.user_properties.append((_LOUD if is_loud else _LINE, f"{request.node.name}: {text}"))

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    said = list(dict.fromkeys(_said(terminalreporter.stats)))
    for is_loud, text in said:
        terminalreporter.write_line(text, **({"red": True, "bold": True} if is_loud else {}))


def _said(stats: dict[str, list[Any]]) -> Iterator[tuple[bool, str]]:
    for reports in stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in (_LINE, _LOUD):
                    yield name == _LOUD, str(value)
