"""Sending one message to try a gateway: through the queue where it is saved, directly where it is not."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gatepost.dispatch import exchanges
from gatepost.dispatch.models import Exchange
from gatepost.gateways import trials
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.messages.accept import accept, numbers_of
from gatepost.messages.models import Message
from gatepost.messages.services import accept_one, id_source
from gatepost.messages.snapshots import facts, load, with_suppressed
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Denied, Taken, Wish
from gatepost.problems import Fault, Problem
from gatepost.providers import base
from gatepost.sms.ids import to_ref
from gatepost.sms.msisdn import mask
from gatepost.sms.outcomes import Kind
from gatepost.workspaces.access import Caller
from gatepost.workspaces.services import audit

WAIT_S = 10.0
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Trial:
    """What to send."""

    to: str
    text: str = "Test message from Gatepost"
    sender: str = ""

    def wish(self, gateway: str | int) -> Wish:
        return Wish(to=self.to, text=self.text, sender=self.sender, gateway=gateway, priority="code")


def send_by(asker: Caller, gateway_id: int, trial: Trial) -> int:
    """Put it into the queue of a gateway; the id of the message. Raises Problem with the denial's code."""
    origin = Origin(
        asker.workspace.pk,
        kind="test",
        api_key_id=asker.key.pk if asker.key else None,
        user_id=asker.user.pk if asker.user else None,
    )
    return accept_one(origin, trial.wish(gateway_id))


def wait_for_answer(message_id: int) -> Message:
    """The message as it stands when the provider has answered, or when that takes longer than a person waits."""
    until = time.monotonic() + WAIT_S
    while True:
        message = Message.objects.get(pk=message_id)
        if message.submission_id is not None or time.monotonic() > until:
            return message
        time.sleep(LOOK_EVERY_S)


def exchanges_of(message: Message, *, sees_all: bool) -> list[dict[str, Any]]:
    """The redacted requests and answers of its submission; none where they carried messages of other workspaces, too.

    `sees_all`: for whom workspaces are no borders.
    """
    if message.submission_id is None or exchanges.of_message(message, set(), sees_all=sees_all).withheld:
        return []
    return [exchange.trace for exchange in Exchange.objects.filter(submission_id=message.submission_id).order_by("id")]


def send_unsaved(asker: Caller, draft: Gateway, account: base.Gateway, trial: Trial) -> TrialResult:
    """Send it with settings that are not saved, under the rules of every other message; it is in no log.

    `draft`: the gateway as the form shows it, not stored. Raises Problem with the denial's code, or `sending_disabled`.
    """
    taken = _accepted(asker, draft, account.settings, trial)
    if taken.held:
        raise Problem("sending_disabled")
    audit(asker.actor, "gateway.try", draft, asker.workspace, provider=draft.provider, to=mask(taken.to))
    message = base.Message(
        ref=to_ref(id_source().take(1)[0]),
        to=taken.to,
        text=taken.text,
        sender=taken.sender,
        encoding="ucs2" if taken.encoding == "ucs2" else "gsm7",
        segments=taken.segments,
    )
    result = trials.attempt_submit(account, message, verify_tls=draft.verify_tls)
    outcome = result.outcomes[message.ref]
    shown = trials.steps(account, result.exchanges)
    if outcome.kind is not Kind.ACCEPTED:
        return trials.failed(account, outcome, shown)
    label = provider_of(draft.provider).manifest.label
    known_as = f" It is known there as {', '.join(outcome.keys)}." if outcome.keys else ""
    return TrialResult(ok=True, words=f"{label} took the message.{known_as}", steps=shown)


def _accepted(asker: Caller, draft: Gateway, settings: Mapping[str, Any], trial: Trial) -> Taken:
    snapshot = load(asker.workspace.pk)
    key = draft.pk or 0
    alone = replace(facts(draft, settings), id=key, is_draining=False)
    only_it = replace(snapshot, gateways={key: alone}, default_gateway_id=key, rules=())
    digits = [number for number in numbers_of([trial.wish("")], snapshot.default_country) if number]
    [answer] = accept([trial.wish("")], with_suppressed(only_it, digits), kind="test")
    if isinstance(answer, Denied):
        faults = [Fault(answer.field, answer.code, answer.words)] if answer.field else []
        raise Problem(answer.code, answer.words, faults=faults, remedy=answer.remedy)
    return answer
