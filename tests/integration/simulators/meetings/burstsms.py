"""Burst SMS, which signs its callbacks."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "FIELD_EMPTY": Refusal.BAD_CONTENT,
    "FIELD_INVALID": Refusal.PERMANENT,
    "FIELD_UNSAFE": Refusal.BAD_CONTENT,
    "NO_ACCESS": Refusal.CONFIG,
    "LEDGER_ERROR": Refusal.NO_CREDIT,
    "BAD_CALLER_ID": Refusal.BAD_SENDER,
    "RECIPIENTS_ERROR": Refusal.BAD_RECIPIENT,
    "OVER_LIMIT": Kind.THROTTLED,
    "503": Kind.UNKNOWN,
}

MEETINGS = (
    Meeting(
        slug="burstsms",
        settings=lambda url, keys: {"base_url": url, **keys, "verify_signature": "require"},
        country="614",
        number="61429997672",
        refusals=REFUSALS,
    ),
)
