"""What these settings can do, in the terms of the manifest."""

from collections.abc import Mapping
from typing import Any

from gatepost.providers.kit.http_template.pulling import FEED
from gatepost.providers.kit.http_template.template import TemplateFault, names
from gatepost.providers.kit.http_template.verdict import statuses
from gatepost.providers.manifest import Attribute, Batch, Dedupe, Delivery, Feed, InboundKind, Validity

VALIDITY = Validity(60, 7 * 24 * 3600)

_SHARED: Mapping[Attribute, frozenset[str]] = {
    "sender": frozenset(("sender", "from_no_plus")),
    "text": frozenset(("text", "length", "parts")),
    "encoding": frozenset(("coding", "is_unicode")),
    "validity": frozenset(("validity_min", "validity_s")),
}
_SEND_AT = frozenset(("send_at_iso", "send_at_unix"))


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Manifest fields that follow from the settings; unusable templates count as empty."""
    outer = _names(settings, "url", "body", "unicode_url", "unicode_body", "headers", "query")
    used = outer | _names(settings, "item_template")
    receipts: list[Delivery] = []
    if settings.get("dlr_enabled"):
        receipts.append("push")
    if settings.get("poll_url"):
        receipts.append("query")
    return {
        "batch": _batch(settings, outer),
        "dedupe": _dedupe(settings),
        "schedules": bool(used & _SEND_AT),
        "validity": VALIDITY if used & _SHARED["validity"] else None,
        "receipts": tuple(receipts),
        "poll_until_s": (settings.get("poll_max_age_h") or 72) * 3600,
        "query_limit": settings.get("poll_ids_max") or 1,
        "callback_auth": "token" if (settings.get("callback_auth") or "none") == "none" else "signature",
        "unprocessed_statuses": _unprocessed(settings),
        **_inbound(settings),
    }


def _inbound(settings: Mapping[str, Any]) -> dict[str, Any]:
    kinds: list[InboundKind] = []
    deliveries: list[Delivery] = []
    feeds: tuple[Feed, ...] = ()
    if settings.get("mo_enabled"):
        deliveries.append("push")
    if settings.get("mo_poll_url"):
        deliveries.append("poll")
        feeds = (Feed(FEED, float(settings.get("mo_poll_every_s") or 60)),)
    if deliveries:
        kinds = ["sms", "mms"] if settings.get("mo_media") else ["sms"]
    return {"inbound": tuple(kinds), "inbound_delivery": tuple(deliveries), "feeds": feeds}


def _batch(settings: Mapping[str, Any], outer: frozenset[str]) -> Batch | None:
    """What has to be alike is what the templates name outside the items."""
    limit = settings.get("max_recipients") or 1
    if limit <= 1:
        return None
    has_variant = bool(settings.get("unicode_url") or settings.get("unicode_body"))
    same = [attribute for attribute, used in _SHARED.items() if used & outer]
    if has_variant and "encoding" not in same:
        same.append("encoding")
    return Batch(limit, same=tuple(same), unique_number=True, limit_setting="max_recipients")


def _dedupe(settings: Mapping[str, Any]) -> Dedupe | None:
    """Only where the provider recognises our reference and the operator wants repeats."""
    if not settings.get("idempotent") or settings.get("on_read_timeout") != "retry":
        return None
    refuses = any("-> duplicate" in line for line in settings.get("rules") or ())
    hours = settings.get("idempotent_hours") or 24
    return Dedupe("message", hours * 3600, "refuses" if refuses else "same")


def _unprocessed(settings: Mapping[str, Any]) -> tuple[int, ...]:
    try:
        ranges = statuses(str(settings.get("unprocessed_statuses") or ""))
    except TemplateFault:
        return ()
    return tuple(status for low, high in ranges for status in range(low, high + 1))


def _names(settings: Mapping[str, Any], *fields: str) -> frozenset[str]:
    texts = []
    for field in fields:
        value = settings.get(field) or ""
        texts += list(value) if isinstance(value, list | tuple) else [str(value)]
    try:
        return names(*texts)
    except TemplateFault:
        return frozenset()
