"""What an answer means for the messages of the request: rules first, then the HTTP status."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from gatepost.providers.base import Context, MalformedAnswer
from gatepost.providers.kit.answers import excerpt, retry_after, to_decimal
from gatepost.providers.kit.http_template.lookups import Answer, Lookup, lookup, one_group
from gatepost.providers.kit.http_template.rules import SUCCESS, rules
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Outcome, Price, Refusal, accepted, refused, throttled, unknown

REFUSED_BY_STATUS: Mapping[int, Refusal] = {
    401: Refusal.AUTH,
    402: Refusal.NO_CREDIT,
    403: Refusal.AUTH,
    407: Refusal.AUTH,
    408: Refusal.TEMPORARY,
    409: Refusal.DUPLICATE,
    425: Refusal.TEMPORARY,
}
"""What the HTTP status says where no rule does. Further 4xx are permanent, 3xx config, 5xx temporary."""


@lru_cache(maxsize=256)
def statuses(text: str) -> tuple[tuple[int, int], ...]:
    """`200-299,304` as ranges. Raises TemplateFault."""
    ranges = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        low, dash, high = (bound.strip() for bound in part.partition("-"))
        if not low.isdigit() or (dash and not high.isdigit()) or not 100 <= int(low) <= int(high or low) <= 599:
            raise TemplateFault("Write HTTP statuses as a list with ranges, such as 200-299,304.")
        ranges.append((int(low), int(high or low)))
    return tuple(ranges)


def is_ok(status: int, settings: Mapping[str, Any]) -> bool:
    return _is_listed(status, str(settings.get("ok_statuses") or "200-299"))


@lru_cache(maxsize=1024)
def _is_listed(status: int, listed: str) -> bool:
    return any(low <= status <= high for low, high in statuses(listed))


def failure(answer: Answer, settings: Mapping[str, Any], ctx: Context, *, is_itemised: bool = False) -> Outcome | None:
    """Why the request as a whole failed; None where it succeeded. `is_itemised`: its items will say the rest."""
    ok = is_ok(answer.status, settings)
    has_success_rule = bool(settings.get("success_text")) or is_itemised
    for rule in rules(tuple(settings.get("rules") or ())):
        has_success_rule = has_success_rule or rule.outcome == SUCCESS
        if rule.outcome == SUCCESS and not ok:
            continue
        match = rule.condition.match(answer)
        if match is not None:
            if rule.outcome == SUCCESS:
                return None
            return outcome(rule.outcome, answer, rule.said(match) or excerpt(answer.text.strip()), ctx)
    success_text = str(settings.get("success_text") or "")
    if ok and success_text and success_text in answer.text:
        return None
    if not ok:
        return by_status(answer, ctx.now)
    return _unmatched(answer, settings, has_success_rule=has_success_rule and not is_itemised)


def _unmatched(answer: Answer, settings: Mapping[str, Any], *, has_success_rule: bool) -> Outcome | None:
    """An answer that no rule knows. An empty one, and one that has nothing of what the settings look for, is
    unreadable rather than a refusal: the message may have been taken."""
    choice = settings.get("no_match") or "auto"
    if choice == "success" or (choice == "auto" and not has_success_rule):
        return None
    words = excerpt(answer.text.strip())
    if choice == "unknown" or not words:
        return unknown("the answer was not recognised", answer.status, words)
    if choice == "auto" and _is_foreign(answer, settings):
        return unknown("the answer has nothing of what the settings look for", answer.status, words)
    return refused(Refusal.PERMANENT, answer.status, f"Answer not recognised: {words}")


def _is_foreign(answer: Answer, settings: Mapping[str, Any]) -> bool:
    """Whether the settings look for JSON or XML values, and the answer has none of them."""
    lookups = [rule.condition.where for rule in rules(tuple(settings.get("rules") or ()))]
    lookups += [lookup(str(settings[name])) for name in ("id_from", "result_items_path") if settings.get(name)]
    structured = [found for found in lookups if found.kind in ("json", "xml")]
    return bool(structured) and not any(answer.has(found) for found in structured)


def outcome(meaning: str, answer: Answer, words: str, ctx: Context) -> Outcome:
    if meaning == "throttled":
        return throttled(_wait(answer, ctx.now), answer.status, words)
    if meaning == "unknown":
        return unknown("a rule of the settings says so", answer.status, words)
    return refused(Refusal(meaning), answer.status, words)


def by_status(answer: Answer, now: datetime) -> Outcome:
    """The outcome that an HTTP status outside the accepted ones means."""
    status, words = answer.status, excerpt(answer.text.strip())
    if status == 429:
        return throttled(_wait(answer, now), status, words)
    if status in REFUSED_BY_STATUS:
        return refused(REFUSED_BY_STATUS[status], status, words)
    if 300 <= status < 400:
        return refused(Refusal.CONFIG, status, "The address redirects elsewhere; redirects are not followed.")
    if status >= 500:
        return refused(Refusal.TEMPORARY, status, words)
    return refused(Refusal.PERMANENT, status, words)


def success(answer: Answer, settings: Mapping[str, Any], own_key: str, suffix: str = "") -> Outcome:
    """Accepted under the provider's id, else under our own reference; unknown where a promised id is missing."""
    found = _look(settings.get("id_from"))
    key = own_key
    if found is not None:
        identifier = answer.value(found).strip()
        if not is_id(identifier):
            return unknown("the answer has no message id", answer.status, excerpt(answer.text.strip()))
        key = identifier + suffix
    return accepted(key, segments=_segments(answer, settings), price=_price(answer, settings))


def is_id(text: str) -> bool:
    """Whether a value can name a message: a boolean cannot."""
    return text not in ("", "true", "false")


def _segments(answer: Answer, settings: Mapping[str, Any]) -> int | None:
    found = _look(settings.get("parts_from"))
    text = answer.value(found).strip() if found else ""
    return int(text) if text.isdecimal() and len(text) <= 4 else None


def _price(answer: Answer, settings: Mapping[str, Any]) -> Price | None:
    found = _look(settings.get("price_from"))
    text = answer.value(found).strip() if found else ""
    try:
        amount: Decimal | None = to_decimal(text) if text else None
    except MalformedAnswer:
        amount = None
    return None if amount is None else Price(amount, str(settings.get("currency") or ""))


def _look(text: Any) -> Lookup | None:
    return one_group(lookup(str(text))) if text else None


def _wait(answer: Answer, now: datetime) -> float | None:
    return retry_after(Response(answer.status, answer.headers, b""), now)
