"""The fault switches of a simulated account, and the reader of their JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args

from gatepost.simulators.handset import ReceiptOrder

Broken = Literal["", "refuse", "close", "503"]
Spoilt = Literal[
    "",
    "drop_after_accept",
    "reset",
    "slow_bytes",
    "endless",
    "huge",
    "html",
    "truncated",
    "bad_json",
    "wrong_charset",
    "ok_without_id",
    "status",
    "redirect",
]

METADATA_ADDRESS: Final = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong with the account now. Everything but `broken` concerns submits only.

    `broken`: `refuse` closes the account's own port (on a shared port it is `close`), `close` ends the connection
    without an answer, `503` answers so. `fail`: the share of submits refused with the provider's own temporary error.
    `delay_ms`: between taking a submit and answering. `throttle`: submits per second, 0 for no limit.
    `refuse`: a code of the provider that every submit is refused with. `answer`: how the answer is spoilt, for a share
    `rate` of the submits and at most `times` times. `takes`: whether a submit whose answer is spoilt is taken; None
    for what is likely: not with a redirect or a status below 500, else yes. `status`, `retry_after_s`, `location`:
    for the answers `status` and `redirect`. `receipts` and `late_s`: how receipts come.
    """

    broken: Broken = ""
    fail: float = 0.0
    delay_ms: int = 0
    throttle: int = 0
    refuse: str = ""
    answer: Spoilt = ""
    rate: float = 1.0
    times: int | None = None
    takes: bool | None = None
    status: int = 503
    retry_after_s: int | None = None
    location: str = METADATA_ADDRESS
    duplicate_ids: bool = False
    receipts: ReceiptOrder = "normal"
    late_s: float = 30.0

    @property
    def takes_when_spoilt(self) -> bool:
        if self.takes is not None:
            return self.takes
        return not (self.answer == "redirect" or (self.answer == "status" and self.status < 500))


HEALTHY: Final = Faults()


class BadSwitch(ValueError):
    """A switch that cannot be set so; the text says what can."""


NAMES: Final = {("break" if field.name == "broken" else field.name): field.name for field in fields(Faults)}
"""Name in JSON and on the command line to the attribute: `break` is a word of Python."""


def patched(faults: Faults, changes: Mapping[str, Any]) -> Faults:
    """The faults with these changes; raises BadSwitch. `break: true` means `refuse`, `false` ends it."""
    values = {}
    for name, value in changes.items():
        if name not in NAMES:
            raise BadSwitch(f"There is no switch {name!r}. Known: {', '.join(NAMES)}.")
        values[NAMES[name]] = _READERS[NAMES[name]](name, value)
    return replace(faults, **values)


def as_json(faults: Faults) -> dict[str, Any]:
    return {name: getattr(faults, attribute) for name, attribute in NAMES.items()}


def _one_of(choices: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise BadSwitch(f"{name} is one of {', '.join(choice or 'empty' for choice in choices)}.")
        return str(value)

    return read


def _number(kind: type, low: float, high: float, *, optional: bool = False) -> Callable[[str, Any], Any]:
    def read(name: str, value: Any) -> Any:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadSwitch(f"{name} is a number from {low:g} to {high:g}.")
        return kind(value)

    return read


def _broken(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "refuse" if value else ""
    return _one_of(get_args(Broken))(name, value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadSwitch(f"{name} is true or false.")
    return value


def _optional_flag(name: str, value: Any) -> bool | None:
    return None if value is None else _flag(name, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadSwitch(f"{name} is a text.")
    return value


_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "broken": _broken,
    "fail": _number(float, 0, 1),
    "delay_ms": _number(int, 0, 600_000),
    "throttle": _number(int, 0, 100_000),
    "refuse": _text,
    "answer": _one_of(get_args(Spoilt)),
    "rate": _number(float, 0, 1),
    "times": _number(int, 0, 1_000_000, optional=True),
    "takes": _optional_flag,
    "status": _number(int, 200, 599),
    "retry_after_s": _number(int, 0, 86_400, optional=True),
    "location": _text,
    "duplicate_ids": _flag,
    "receipts": _one_of(get_args(ReceiptOrder)),
    "late_s": _number(float, 0, 86_400),
}
