"""A message explained: who asked for it, what was checked, why this gateway, what it waited for, each attempt, what the
provider said of it, what it costs, and, where it failed, what to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gatepost.dispatch import exchanges, story
from gatepost.dispatch.exchanges import Exchanges
from gatepost.dispatch.failure import Failure, failure_of
from gatepost.dispatch.waiting import Wait, waits_of
from gatepost.gateways.countries import country_name
from gatepost.gateways.models import Gateway
from gatepost.links import services as links
from gatepost.messages.log import Moment, Standing, standings, timeline
from gatepost.messages.models import Message
from gatepost.messages.snapshots import load_for
from gatepost.messages.where import Step, where
from gatepost.messages.wishes import LANES, Denied, Wish
from gatepost.routing.choose import NAMED
from gatepost.routing.models import RouteRule
from gatepost.routing.words import BY, rule_id_of
from gatepost.sms.msisdn import country_of
from gatepost.sms.outcomes import Kind
from gatepost.sms.states import State

NEVER_LEFT: Final = "Nothing: no provider was asked to send it."


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at when the message was accepted. `words`: what was found."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Route:
    """What chose the gateway (`rule_id`: the rule, if one did), who had the message before, and what every
    step of the route says of it as the rules are now: none where the message names its gateway, or is `denied` before
    one is asked."""

    chosen_by: str
    rule_id: int | None
    tried: tuple[str, ...]
    steps: tuple[Step, ...]
    is_named: bool
    denied: Denied | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a provider said of the message later: as it came (`raw`), and the state that it was read as."""

    at: datetime
    state: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of a message, oldest first where it has a time."""

    standing: Standing
    meaning: str
    accepted_by: str
    checks: tuple[Check, ...]
    route: Route
    waits: tuple[Wait, ...]
    timeline: tuple[story.Line, ...]
    exchanges: Exchanges
    reports: tuple[Reported, ...]
    cost: str
    failure: Failure | None


def explained(message: Message, *, sees_all: bool) -> Explanation:
    """The explanation as it is now. `sees_all`: for whom workspaces are no borders."""
    standing = standings([message])[message.pk]
    moments = timeline(message)
    lines = story.told(message, moments)
    mentioned = {line.submission for line in lines if line.submission is not None}
    cost = _cost(message, standing, moments)
    return Explanation(
        standing=standing,
        meaning=story.standing_in_words(message, standing),
        accepted_by=story.by_whom(message),
        checks=tuple(_checks(message)),
        route=_route(message),
        waits=tuple(waits_of(message, moments, standing)),
        timeline=tuple(lines),
        exchanges=exchanges.of_message(message, mentioned, sees_all=sees_all),
        reports=tuple(_reports(moments)),
        cost=cost,
        failure=failure_of(message, standing.state, moments, cost),
    )


def _checks(message: Message) -> list[Check]:
    encoding = "GSM-7" if message.encoding == "gsm7" else "Unicode"
    limit = message.gateway.max_segments if message.gateway else None
    country = country_of(message.to_digits)
    size = f"{message.segments} segment{'' if message.segments == 1 else 's'}, {encoding}"
    return [
        Check("Number", f"+{message.to_digits}: {country_name(country) if country else 'of no single country'}."),
        Check(
            "Suppression lists", "It stood on none when the message was accepted; they are asked again at each attempt."
        ),
        Check("Text", f"{size}; the gateway takes up to {limit}." if limit else f"{size}; no limit is set."),
        Check("Sender ID", f"{message.sender or 'None'}: {story.sender_in_words(message)}."),
        *_short_links(message),
    ]


def _short_links(message: Message) -> list[Check]:
    """Where its short links lead; those of a campaign stand on the page of the campaign."""
    if message.campaign_id is not None:
        return []
    return [Check("Short link", f"To {one.url}; {_opened(one.clicks)}.") for one in links.of_message(message.pk)]


def _opened(clicks: int) -> str:
    return f"opened {clicks} time{'' if clicks == 1 else 's'}" if clicks else "not opened yet"


def _route(message: Message) -> Route:
    rule_id = rule_id_of(message.route)
    rule = RouteRule.objects.filter(pk=rule_id).first() if rule_id else None
    chosen_by = f"Rule: {rule.name}" if rule else "A rule that is gone" if rule_id else BY.get(message.route, "")
    names = dict(Gateway.objects.filter(pk__in=message.tried or []).values_list("pk", "name"))
    is_named = message.route == NAMED
    wish = Wish(
        to=f"+{message.to_digits}",
        text=message.body,
        # What was chosen for it is chosen anew.
        sender=message.sender if message.sender_reason == "own" else "",
        # One that is gone is no gateway's number.
        gateway=(message.gateway_id or 0) if is_named else "",
        priority=next(name for name, lane in LANES.items() if lane == message.lane),
        tag=message.tag or "",
    )
    found = where(wish, load_for(message.workspace_id, [wish], message.kind), message.kind, message.campaign_id)
    tried = tuple(names.get(gateway_id, "a gateway that is gone") for gateway_id in message.tried or [])
    return Route(chosen_by, rule_id if rule else None, tried, tuple(found.steps), is_named, found.denied)


def _reports(moments: list[Moment]) -> list[Reported]:
    return [
        Reported(moment.at, str(moment.detail.get("state") or "not recognised"), dict(moment.detail))
        for moment in moments
        if moment.what == "receipt"
    ]


def _cost(message: Message, standing: Standing, moments: list[Moment]) -> str:
    """What the provider charged, as far as anybody told us."""
    if message.price is not None:
        return f"{message.price.normalize():f} {message.price_unit or ''}".strip() + ", as the provider said."
    if standing.state is State.UNKNOWN:
        return "Not known: if it arrived it may be charged."
    has_left = message.submitted_at is not None or any(moment.what in ("unknown", "receipt") for moment in moments)
    if has_left:
        return "Not known: the provider named no price."
    if any(moment.what in (Kind.REFUSED, Kind.THROTTLED, "fallback sender") for moment in moments):
        return "The provider refused it and named no price."
    return NEVER_LEFT
