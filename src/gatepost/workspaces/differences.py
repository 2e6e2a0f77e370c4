"""What of something was changed, as the audit keeps it: values before and after, and of secrets only that they were."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Changes = dict[str, list[str] | str]
"""By the name of the field: the value before and after, or CHANGED where neither is told."""

CHANGED: Final = "changed"
LONGEST: Final = 80
"""Characters of a value; whoever wants to know more of a longer one looks at the settings."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """The values of `after` that were others before. No secrets."""
    found: Changes = {}
    for name, value in after.items():
        old, new = _text(before.get(name)), _text(value)
        if old != new:
            shown = [_cut(old), _cut(new)]
            found[name] = CHANGED if shown[0] == shown[1] else shown
    return found


def untold(names: Iterable[str]) -> Changes:
    """That these were changed, and nothing of what they are."""
    return dict.fromkeys(names, CHANGED)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == "":
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value)) or "none"
    return str(value)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
