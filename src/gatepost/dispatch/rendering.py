"""The request in which a message went, made once more from the submission and the settings of that time."""

from dataclasses import asdict
from typing import Any

from gatepost.dispatch.models import Submission
from gatepost.gateways import services
from gatepost.gateways.models import Gateway, SettingsVersion
from gatepost.messages.models import Message
from gatepost.problems import Problem
from gatepost.providers import base
from gatepost.providers.registry import provider
from gatepost.sms.ids import to_ref
from gatepost.transport.rendering import rendered

ALONE = "It shared this request with {others}; shown is what it would have been alone."
NEEDS_ANSWER = "It cannot be made again without asking the provider first, and it was not kept."
GONE = "The gateway's settings of that time cannot be read any more, and the request was not kept."


def made_again(message: Message, submission: Submission) -> tuple[dict[str, Any] | None, str]:
    """The redacted trace of the request, and what to know of it; without a trace, why there is none.

    Only this message stands in it: others of the same request may be another workspace's.
    """
    gateway = Gateway.objects.prefetch_related("secrets").filter(pk=submission.gateway_id).first()
    if gateway is None:
        return None, GONE
    try:
        account = services.runtime(gateway, submission.settings_version)
    except (Problem, SettingsVersion.DoesNotExist):
        return None, GONE
    urls = services.callback_urls(gateway)
    context = base.Context(
        now=submission.intent_at,
        nonce=to_ref(submission.pk),
        serial=submission.serial,
        is_resend=submission.is_resend,
        receipt_url=urls.get("receipt", ""),
        inbound_url=urls.get("inbound", ""),
    )
    trace = rendered(provider(gateway.provider), base.Batch((_as_it_went(message, submission),)), account, context)
    if trace is None:
        return None, NEEDS_ANSWER
    others = len(submission.message_ids) - 1
    note = ALONE.format(others=f"{others} other{'' if others == 1 else 's'}") if others else ""
    return {**asdict(trace), "started_at": trace.started_at.isoformat()}, note


def _as_it_went(message: Message, submission: Submission) -> base.Message:
    place = submission.message_ids.index(message.pk) if message.pk in submission.message_ids else None
    generation = submission.generations[place] if submission.generations and place is not None else 0
    sender = submission.senders[place] if submission.senders and place is not None else ""
    remains_s = None
    if message.validity_s is not None:
        remains_s = max(60, int((message.expires_at - submission.intent_at).total_seconds()))
    return base.Message(
        ref=to_ref(message.pk, generation),
        to=message.to_digits,
        text=message.body,
        sender=sender or message.sender,
        encoding="ucs2" if message.encoding == "ucs2" else "gsm7",
        segments=message.segments,
        validity_s=remains_s,
        is_urgent=message.lane == 0,
    )
