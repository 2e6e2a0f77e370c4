"""What a submit says, in the form of either version."""

from datetime import UTC
from typing import Any

from gatepost.providers.base import Batch, Context, Gateway, Message
from gatepost.providers.kit.requests import filled

TWO_DAYS = 2880


def build(batch: Batch, gw: Gateway, ctx: Context) -> tuple[str, dict[str, Any]]:
    """The path and the JSON body."""
    if gw["api_version"] == "v2":
        messages = [_superseded(message, gw, ctx) for message in batch.messages]
        return "/sms/2/text/advanced", {"messages": messages, "includeSmsCountInResponse": True}
    messages = [_current(message, gw, ctx) for message in batch.messages]
    schedule = filled({"sendAt": _send_at(batch.first)})
    options = filled({"schedule": schedule, "includeSmsCountInResponse": True})
    return "/sms/3/messages", {"messages": messages, "options": options}


def _current(message: Message, gw: Gateway, ctx: Context) -> dict[str, Any]:
    url, minutes = _receipt_url(gw, ctx), _minutes(message, gw)
    options = {
        "validityPeriod": {"amount": minutes, "timeUnit": "MINUTES"} if minutes else None,
        "platform": filled({"entityId": gw["entity_id"], "applicationId": gw["application_id"]}),
        "regional": _regional(gw),
    }
    delivery = {"delivery": {"url": url, "intermediateReport": True}, "contentType": "application/json"}
    return filled(
        {
            "sender": message.sender,
            "destinations": [{"to": message.to, "messageId": message.ref}],
            "content": filled({"text": message.text, "transliteration": _alphabet(gw)}),
            "options": filled(options),
            "webhooks": delivery if url else None,
        }
    )


def _superseded(message: Message, gw: Gateway, ctx: Context) -> dict[str, Any]:
    url = _receipt_url(gw, ctx)
    return filled(
        {
            "from": message.sender,
            "destinations": [{"to": message.to, "messageId": message.ref}],
            "text": message.text,
            "validityPeriod": _minutes(message, gw),
            "transliteration": _alphabet(gw),
            "notifyUrl": url,
            "notifyContentType": "application/json" if url else None,
            "intermediateReport": True if url else None,
            "sendAt": _send_at(message),
            "entityId": gw["entity_id"],
            "applicationId": gw["application_id"],
            "regional": _regional(gw),
        }
    )


def _minutes(message: Message, gw: Gateway) -> int | None:
    """None where the provider's own longest time is meant."""
    lasts = min(max(1, (message.validity_s or TWO_DAYS * 60) // 60), gw["validity_minutes"])
    return lasts if lasts < TWO_DAYS else None


def _regional(gw: Gateway) -> dict[str, Any]:
    template, principal = gw["india_dlt_template_id"], gw["india_dlt_principal_id"]
    return filled({"indiaDlt": filled({"contentTemplateId": template, "principalEntityId": principal})})


def _alphabet(gw: Gateway) -> str:
    return "" if gw["transliteration"] == "NONE" else gw.text("transliteration")


def _receipt_url(gw: Gateway, ctx: Context) -> str:
    return ctx.receipt_url if gw["notify_url_mode"] == "per_message" else ""


def _send_at(message: Message) -> str:
    return message.send_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000") if message.send_at else ""
