"""Where would this message go? Every step's verdict in words, and why each gateway was or was not chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

from gatepost.gateways.models import Gateway
from gatepost.messages.ways import follow
from gatepost.messages.wishes import Denied, Snapshot, Wish
from gatepost.routing.choose import Passed, Verdict
from gatepost.routing.rules import Subject
from gatepost.routing.words import BY, step_title, verdict_words


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the route. `outcome`: chosen, passed (its gateways did not take it), unfit, or unasked."""

    title: str
    outcome: str
    words: str
    rule_id: int | None
    gateways: tuple[Passed, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A gateway of the workspace and what it has to do with the message."""

    id: int
    name: str
    is_chosen: bool
    words: str


@dataclass(frozen=True, slots=True)
class Where:
    """`denied`: why the message would be refused. `is_waiting`: its gateway is down, and there is no other."""

    gateway: Standing | None
    sender: str
    sender_reason: str
    steps: list[Step]
    gateways: list[Standing]
    denied: Denied | None = None
    is_waiting: bool = False


def where(wish: Wish, snapshot: Snapshot, kind: str = "single", campaign_id: int | None = None) -> Where:
    """The way that the wish would take under the snapshot; a wish without a text counts as one segment."""
    followed = follow(wish, snapshot, kind, campaign_id)
    every = _names(snapshot.workspace_id)
    steps = [_step(verdict, followed.subject, every) for verdict in followed.verdicts]
    way = followed.way
    chosen_id = way.gateway.id if way else None
    why = {passed.gateway_id: passed.why for step in reversed(steps) for passed in step.gateways if passed.why}
    standings = [_standing(gateway_id, name, chosen_id, why, snapshot) for gateway_id, name in every.items()]
    return Where(
        gateway=next((each for each in standings if each.is_chosen), None),
        sender=way.sender if way else "",
        sender_reason=way.sender_reason if way else "",
        steps=steps,
        gateways=standings,
        denied=followed.denied,
        is_waiting=chosen_id in why if chosen_id is not None else False,
    )


def _names(workspace_id: int) -> dict[int, str]:
    return dict(Gateway.objects.filter(workspaces=workspace_id).order_by("pk").values_list("pk", "name"))


def _step(verdict: Verdict, subject: Subject | None, names: Mapping[int, str]) -> Step:
    known = tuple(
        Passed(each.gateway_id, names[each.gateway_id], each.why)
        for each in verdict.gateways
        if each.gateway_id in names
    )
    return Step(
        title=step_title(verdict),
        outcome=_outcome(verdict),
        words=verdict_words(verdict, subject) if subject else BY[verdict.by],
        rule_id=verdict.rule.id if verdict.rule else None,
        gateways=known,
    )


def _outcome(verdict: Verdict) -> str:
    if not verdict.is_reached:
        return "unasked"
    if verdict.mismatch:
        return "unfit"
    return "chosen" if any(not passed.why for passed in verdict.gateways) else "passed"


def _standing(
    gateway_id: int, name: str, chosen_id: int | None, why: Mapping[int, str], snapshot: Snapshot
) -> Standing:
    reason = (why.get(gateway_id) or snapshot.absent.get(gateway_id) or "").removesuffix(".")
    if gateway_id == chosen_id:
        words = f"Chosen, although {reason}: there is no other." if gateway_id in why else "Chosen."
        return Standing(gateway_id, name, True, words)
    return Standing(gateway_id, name, False, f"Not chosen: {reason}." if reason else "No step came to it.")
