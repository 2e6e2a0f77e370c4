"""What a wish must be like whichever way it takes. Each raises the denial, with the field that it is about."""

from datetime import UTC, datetime, timedelta

from gatepost.messages.wishes import LANES, Denial, Snapshot, Wish
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.text import InvalidText, count_segments

MAX_TEXT = 10_000
MAX_CLIENT_REF = 100
MAX_TAG = 40
MAX_AHEAD = timedelta(days=366)
MIN_VALIDITY_S = 60
FOR_EVER_S = int(MAX_AHEAD.total_seconds())


def number(wish: Wish, snapshot: Snapshot) -> str:
    """The digits of the recipient's number."""
    try:
        return parse(wish.to, snapshot.default_country)
    except InvalidNumber as invalid:
        raise Denial(invalid.code, invalid.sentence, invalid.remedy, "to") from None


def check_suppression(digits: str, snapshot: Snapshot) -> None:
    """That the number may be sent to."""
    if digits in snapshot.suppressed:
        raise Denial(
            "suppressed",
            "The number is on the suppression list.",
            "It has opted out or was added by hand: do not send to it, or remove it from the list.",
            "to",
        )


def measured(text: str) -> tuple[str, int]:
    """The encoding, and how many segments it takes."""
    if not text.strip():
        raise Denial("text_empty", "The text is empty.", "Write something.", "text")
    if len(text) > MAX_TEXT:
        raise Denial("text_too_long", "The text is too long.", f"At most {MAX_TEXT} characters.", "text")
    try:
        return count_segments(text)
    except InvalidText as invalid:
        raise Denial(invalid.code, invalid.sentence, invalid.remedy, "text") from None


def client_ref(wish: Wish) -> str | None:
    """The client's own reference."""
    ref = wish.client_ref
    if ref is None:
        return None
    if not ref or len(ref) > MAX_CLIENT_REF or not ref.isprintable():
        raise Denial(
            "bad_client_ref",
            "The client reference does not fit.",
            f"1 to {MAX_CLIENT_REF} characters without control characters.",
            "client_ref",
        )
    return ref


def tag(wish: Wish) -> str | None:
    """Its tag, None for none."""
    if wish.tag and (len(wish.tag) > MAX_TAG or not wish.tag.isprintable()):
        raise Denial(
            "bad_tag", "The tag does not fit.", f"1 to {MAX_TAG} characters without control characters.", "tag"
        )
    return wish.tag or None


def lane(wish: Wish) -> int:
    """The lane of its priority."""
    if wish.priority not in LANES:
        raise Denial("bad_priority", "There is no such priority.", f"One of {', '.join(LANES)}.", "priority")
    return LANES[wish.priority]


def due_first(wish: Wish, now: datetime) -> datetime:
    """When the message is due first, in UTC; a moment in the past means now."""
    if wish.send_at is None:
        return now
    if wish.send_at.tzinfo is None:
        raise Denial("send_at_no_zone", "The time has no zone.", "Write it as 2026-01-31T12:00:00Z.", "send_at")
    if wish.send_at > now + MAX_AHEAD:
        raise Denial("send_at_too_far", "The time is too far ahead.", f"At most {MAX_AHEAD.days} days.", "send_at")
    return max(wish.send_at, now).astimezone(UTC)


def validity(wish: Wish) -> int | None:
    """In seconds; longer than a year ahead is a year."""
    if wish.validity_s is None:
        return None
    if wish.validity_s < MIN_VALIDITY_S:
        raise Denial(
            "validity_too_short", "The validity is too short.", f"At least {MIN_VALIDITY_S} seconds.", "validity_s"
        )
    return min(wish.validity_s, FOR_EVER_S)
