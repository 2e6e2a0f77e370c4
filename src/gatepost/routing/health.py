"""How a gateway does, judged from what its last requests and messages met. Pure.

`judge` makes a score of 0 to 100 with its reasons in words. `next_standing` decides whether the gateway is up, down, or
on trial: a gateway that went down comes back through a trial, in which a few new messages try it, and not more often
than once a minute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final

WINDOW: Final = timedelta(minutes=5)
"""What lies further back says nothing of now."""

BREAK_AFTER: Final = 3
"""So many hard failures in a row, and nothing between them, are an outage."""

ENOUGH: Final = 10
"""Requests below which a share says little."""

BAD_SHARE: Final = 0.6
SLOW_ANSWER_S: Final = 5.0
NO_ANSWER_S: Final = 3.0
SWITCH_S: Final = 60.0
TRIAL_AFTER_S: Final = 15.0
PROVEN_BY: Final = 3
LATE_RECEIPT_S: Final = 300.0

HARD: Final = frozenset({"not_sent", "auth", "no_credit", "config"})
"""What no repetition mends: the provider is not reached, or lets nobody in."""

LOCAL: Final = frozenset({"bad_sender", "permanent", "temporary"})
"""What a provider may refuse for the messages to one country alone."""

WORDS: Final = {
    "not_sent": "the provider is not reached",
    "unknown": "no answer that can be trusted",
    "throttled": "the provider asks for a slower pace",
    "auth": "the credentials are refused",
    "no_credit": "the account is empty",
    "config": "the settings are refused",
    "bad_sender": "the sender ID is refused",
    "permanent": "messages are refused",
    "temporary": "the provider has a temporary fault",
}
"""How a request can fail that is the gateway's or the provider's fault."""


class Standing(StrEnum):
    """Whether new messages go to a gateway: all, none, or a few that try it."""

    UP = "up"
    DOWN = "down"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Try:
    """One request to the provider. `failure`: why it failed, of WORDS; empty where it was taken."""

    at: datetime
    failure: str = ""
    cause: str = ""
    latency_s: float | None = None
    country: str = ""


@dataclass(frozen=True, slots=True)
class Reports:
    """What became of messages that were handed over a while ago. `delay_s`: the median until their report."""

    handed: int = 0
    reported: int = 0
    arrived: int = 0
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """`tries`: the last requests, newest first. `silent_s`: since when requests are open without any answer."""

    tries: Sequence[Try] = ()
    silent_s: float = 0.0
    open_requests: int = 0
    reports: Reports = Reports()
    reports_expected: bool = True
    balance: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The score, and each reason that took something off it; `outage`: why nothing more should go there."""

    score: int | None
    reasons: tuple[str, ...] = ()
    outage: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Where a gateway stands, since when and why. `share`: of new messages that may try it while on trial."""

    standing: Standing = Standing.UP
    since: datetime | None = None
    switched_at: datetime | None = None
    cause: str = ""
    share: float = 0.0


def judge(evidence: Evidence, now: datetime) -> Verdict:
    """What the evidence of the window says; without any there is no score."""
    tries = [each for each in evidence.tries if each.at > now - WINDOW]
    losses: list[tuple[float, str]] = []
    outage = outage_of(evidence, tries)
    if outage:
        losses.append((90, f"It is out: {outage}"))
    losses += _of_failures(tries)
    losses += _of_latency(tries)
    losses += _of_reports(evidence)
    if evidence.balance is not None and evidence.balance <= 0:
        losses.append((40, "The account is empty"))
    is_known = bool(tries) or evidence.reports.handed or losses
    score = max(0, round(100 - sum(loss for loss, _ in losses))) if is_known else None
    return Verdict(score, tuple(f"{words}." for _, words in sorted(losses, key=lambda each: -each[0])), outage)


def outage_of(evidence: Evidence, tries: Sequence[Try]) -> str:
    """Why nothing more should go there, empty where there is no reason. `tries` newest first, of the window."""
    last = tries[:BREAK_AFTER]
    if len(last) == BREAK_AFTER and all(each.failure in HARD for each in last):
        return _words(last[0])
    recent = tries[: 2 * ENOUGH]
    failed = [each for each in recent if each.failure and each.failure != "throttled"]
    if len(recent) >= ENOUGH and len(failed) >= BAD_SHARE * len(recent) and not _is_of_one_country(recent):
        return f"{len(failed)} of {len(recent)} requests failed, last because {_words(failed[0])}"
    if evidence.open_requests >= BREAK_AFTER and evidence.silent_s > max(NO_ANSWER_S, 3 * (_latency(tries) or 0.0)):
        return f"no request was answered for {evidence.silent_s:.0f} s"
    return ""


def outage_in(own: Sequence[Try], others: Sequence[Try]) -> str:
    """Why nothing more should go to a country, while the gateway works elsewhere; empty where there is no reason.

    `own`: what requests to the country met, `others`: those to other countries; newest first, of the window.
    """
    recent = _local(own)[: 2 * ENOUGH]
    failed = [each for each in recent if each.failure]
    if len(recent) < ENOUGH or len(failed) < BAD_SHARE * len(recent) or not _works(others[: 2 * ENOUGH]):
        return ""
    return f"{len(failed)} of {len(recent)} requests there failed, last because {_words(failed[0])}"


def _local(tries: Sequence[Try]) -> list[Try]:
    return [each for each in tries if not each.failure or each.failure in LOCAL]


def _works(tries: Sequence[Try]) -> bool:
    failed = sum(bool(each.failure) for each in tries)
    return len(tries) - failed >= PROVEN_BY and failed < BAD_SHARE * len(tries)


def _is_of_one_country(tries: Sequence[Try]) -> bool:
    """Whether it is one country alone that is refused, so that the gateway as a whole is not to blame."""
    return any(
        all(each.failure in LOCAL for each in tries if each.failure and each.country == country)
        and _works([each for each in tries if each.country != country])
        for country in {each.country for each in tries if each.failure and each.country}
    )


Outage = Callable[[Evidence, Sequence[Try]], str]


def next_standing_in(state: State, own: Sequence[Try], others: Sequence[Try], now: datetime) -> State:
    """Where the gateway stands in one country; `own` and `others` as for `outage_in`."""
    others = [each for each in others if each.at > now - WINDOW]
    return next_standing(state, Evidence(_local(own)), now, outage=lambda _, fresh: outage_in(fresh, others))


def next_standing(
    state: State, evidence: Evidence, now: datetime, can_try: bool = True, outage: Outage = outage_of
) -> State:
    """Where it stands now. `can_try`: the provider answers a harmless call, or there is none to ask. `outage`: says of
    the evidence, and of those of its tries that have not been judged yet, why nothing more should go there."""
    tries = [each for each in evidence.tries if each.at > now - WINDOW]
    if state.standing is Standing.UP:
        # What happened before it came back has been judged.
        fresh = [each for each in tries if state.switched_at is None or each.at > state.switched_at]
        why = outage(evidence, fresh)
        if why and _may_switch(state, now):
            return State(Standing.DOWN, now, now, why)
        return state
    since = state.since or now
    fresh = [each for each in tries if each.at > since]
    is_proven = len(fresh) >= PROVEN_BY and not any(each.failure for each in fresh[:PROVEN_BY])
    if is_proven and _may_switch(state, now):
        return State(Standing.UP, now, now)
    if state.standing is Standing.DOWN:
        is_over = now >= since + timedelta(seconds=TRIAL_AFTER_S)
        if is_over and can_try:
            return replace(state, standing=Standing.TRIAL, since=now, share=share_of(tries, now))
        return state
    bad = next((each for each in fresh if each.failure and each.failure != "throttled"), None)
    if bad is not None:
        return replace(state, standing=Standing.DOWN, since=now, cause=_words(bad), share=0.0)
    return state


def share_of(tries: Sequence[Try], now: datetime) -> float:
    """Of new messages so many may try it that about one a second does."""
    if len(tries) < ENOUGH:
        return 1.0
    span_s = max(1.0, (now - tries[-1].at).total_seconds())
    return min(1.0, max(0.02, span_s / len(tries)))


def _may_switch(state: State, now: datetime) -> bool:
    return state.switched_at is None or now >= state.switched_at + timedelta(seconds=SWITCH_S)


def _words(each: Try) -> str:
    return f"{WORDS.get(each.failure, each.failure)}{f' ({each.cause})' if each.cause else ''}"


def _latency(tries: Sequence[Try]) -> float | None:
    known = [each.latency_s for each in tries if each.latency_s is not None and not each.failure]
    return median(known) if known else None


def _of_failures(tries: Sequence[Try]) -> list[tuple[float, str]]:
    found: dict[str, int] = {}
    for each in tries:
        if each.failure:
            found[each.failure] = found.get(each.failure, 0) + 1
    weight = {"throttled": 20, "bad_sender": 40}
    return [
        (weight.get(failure, 70) * count / len(tries), f"{count} of {len(tries)} requests: {WORDS[failure]}")
        for failure, count in found.items()
    ]


def _of_latency(tries: Sequence[Try]) -> list[tuple[float, str]]:
    latency_s = _latency(tries)
    if latency_s is None or latency_s < SLOW_ANSWER_S / 2:
        return []
    return [(min(15.0, 15 * latency_s / SLOW_ANSWER_S), f"Requests take {latency_s:.1f} s")]


def _of_reports(evidence: Evidence) -> list[tuple[float, str]]:
    reports = evidence.reports
    losses: list[tuple[float, str]] = []
    if reports.handed < ENOUGH or not evidence.reports_expected:
        return losses
    reported = reports.reported / reports.handed
    if reported < 0.5:
        losses.append((20 * (1 - reported), f"Only {reports.reported} of {reports.handed} messages were reported"))
    if reports.reported >= ENOUGH and reports.arrived < 0.9 * reports.reported:
        missing = 1 - reports.arrived / reports.reported
        losses.append((60 * missing, f"Only {reports.arrived} of {reports.reported} reported messages arrived"))
    if reports.delay_s is not None and reports.delay_s > LATE_RECEIPT_S:
        losses.append((10, f"Reports take {reports.delay_s / 60:.0f} minutes"))
    return losses
