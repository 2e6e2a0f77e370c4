"""What people write of a campaign: the fields, and how each value is checked before it is kept."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from gatepost.audience import segments
from gatepost.audience.filters import matching
from gatepost.audience.models import Document
from gatepost.campaigns.models import Campaign
from gatepost.channels import attachments
from gatepost.messages.checks import MAX_TAG
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.texts import services as texts
from gatepost.texts.models import Missing

LONGEST_TEXT: Final = 20_000
YEARS: Final = (2000, 2200)


class _Unfit(Exception):
    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def fill(row: Campaign, changes: Mapping[str, Any]) -> list[Fault]:
    """Put each value that fits into the row; the faults of the others."""
    faults: list[Fault] = []
    order = [*FIELDS]
    for name in sorted(changes, key=lambda name: order.index(name) if name in FIELDS else -1):
        value, reader = changes[name], FIELDS.get(name)
        if reader is None:
            faults.append(Fault(name, "unknown_field", "A campaign has no such field."))
            continue
        try:
            setattr(row, name, reader(row, value))
        except _Unfit as unfit:
            faults.append(Fault(name, unfit.code, unfit.words))
        except Problem as problem:
            faults += problem.faults or [Fault(name, problem.code, problem.detail)]
    return faults


def zone_of(zone: str) -> ZoneInfo:
    """The zone of that name; UTC for a name that is none."""
    return ZoneInfo(zone) if zone in available_timezones() else ZoneInfo("UTC")


Reader = Callable[[Campaign, Any], Any]
"""Checks one value for a campaign, and gives it as it is kept. Raises _Unfit or Problem."""


def _text(longest: int) -> Reader:
    def read(_: Campaign, value: Any) -> str:
        if not isinstance(value, str) or not is_storable(value):
            raise _Unfit("bad_text", "Write a text.")
        written = value.replace("\r\n", "\n")
        if len(written) > longest:
            raise _Unfit("too_long", f"At most {longest} characters; these are {len(written)}.")
        return written

    return read


def _line(longest: int) -> Reader:
    whole = _text(10 * longest)

    def read(row: Campaign, value: Any) -> str:
        written = " ".join(str(whole(row, value)).split())
        if len(written) > longest:
            raise _Unfit("too_long", f"At most {longest} characters.")
        return written

    return read


def _one_of(choices: Iterable[str]) -> Reader:
    known = tuple(choices)

    def read(_: Campaign, value: Any) -> str:
        if value not in known:
            raise _Unfit("bad_choice", f"Choose one of {', '.join(known)}.")
        return str(value)

    return read


def _flag(_: Campaign, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("bad_flag", "Say true or false.")
    return value


def _filter(row: Campaign, value: Any) -> dict[str, Any]:
    if value in (None, {}):
        return {}
    matching(row.workspace, value)
    return dict(value)


def _segment_id(row: Campaign, value: Any) -> int | None:
    return None if value is None else segments.find(row.workspace, _number(value)).pk


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise _Unfit("not_found", "There is no such entry.")
    return value


def _whole_number(_: Campaign, value: Any) -> int | None:
    return None if value is None else _number(value)


def _moment(row: Campaign, value: Any) -> datetime | None:
    """An aware time is told by the clock of the campaign's zone."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise _Unfit("bad_time", "Write a time such as 2026-01-31T12:00.")
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise _Unfit("bad_time", f"Write a time between {YEARS[0]} and {YEARS[1]}.")
    shown = value.astimezone(zone_of(row.time_zone)) if value.tzinfo else value
    return shown.replace(tzinfo=UTC, second=0, microsecond=0)


def _day(_: Campaign, value: Any) -> date | None:
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise _Unfit("bad_date", "Write a day such as 2026-01-31.")


def _zone(_: Campaign, value: Any) -> str:
    if value and value not in available_timezones():
        raise _Unfit("bad_time_zone", "Write a time zone such as Europe/Warsaw.")
    return str(value or "")


def _document_kinds(_: Campaign, value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)) or not {*value} <= {*Document.Kind.values}:
        raise _Unfit("bad_choice", f"Choose some of {', '.join(Document.Kind.values)}.")
    return list(dict.fromkeys(value))


def _attachments(row: Campaign, value: Any) -> list[int]:
    if not isinstance(value, (list, tuple)) or len(value) > attachments.MOST:
        raise _Unfit("too_many", f"At most {attachments.MOST} attachments.")
    ids = list(dict.fromkeys(_number(one) for one in value))
    if len(attachments.sizes(row.workspace_id, ids, ())) != len(ids):
        raise _Unfit("not_found", "The workspace has no such attachment.")
    return ids


FIELDS: Final[Mapping[str, Reader]] = {
    "name": _line(150),
    "send_to": _one_of(Campaign.SendTo.values),
    "to_billing": _flag,
    "recipient_kind": _one_of(["customer", "lead"]),
    "filter": _filter,
    "segment_id": _segment_id,
    "subject": _line(texts.LONGEST_SUBJECT),
    "text": _text(LONGEST_TEXT),
    "template_id": _whole_number,
    "template_version": _whole_number,
    "missing": _one_of(Missing.values),
    "default": _line(texts.LONGEST_DEFAULT),
    "attachments": _attachments,
    "document_kinds": _document_kinds,
    "document_from": _day,
    "document_until": _day,
    "only_with_documents": _flag,
    "gateway": _line(100),
    "sender": _line(20),
    "priority": _one_of(("bulk", "normal")),
    "tag": _line(MAX_TAG),
    "shorten": _flag,
    "schedule": _one_of(Campaign.Schedule.values),
    "time_zone": _zone,
    "send_at": _moment,
}
"""What people write of a campaign, by name. The zone stands before the time that is told by it."""
