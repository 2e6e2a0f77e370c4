"""Every refusal of a use case: a stable code, a plain sentence and a remedy, whoever asks (API, console, terminal).

Services raise `Problem`; the API shows it as problem+json (RFC 9457), the console and the terminal as text. The table
is the one list of codes, and the page of error codes in the docs is generated from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means: its HTTP status, its title, and what to do about it where the occurrence says no more."""

    status: int
    title: str
    remedy: str


KINDS: Final[Mapping[str, Kind]] = {
    "bad_request": Kind(400, "The request could not be read", "Check the address, the headers and the body."),
    "bad_json": Kind(
        400, "The body is not valid JSON", "Send one JSON value in UTF-8, without NUL or half characters."
    ),
    "bad_cursor": Kind(400, "The cursor is not one of ours", "Leave it out to start from the first page."),
    "workspace_needed": Kind(400, "No workspace was chosen", "Name one by its number in the X-Workspace header."),
    "unauthenticated": Kind(401, "Who is asking is not known", "Send the header `Authorization: Bearer <API key>`."),
    "invalid_key": Kind(
        401, "The API key is not valid", "Check it for typing errors; make a new one if it was revoked or has expired."
    ),
    "forbidden": Kind(403, "Not allowed", "Ask an owner of the workspace for the role or a key with the scope."),
    "csrf_failed": Kind(403, "The form token is missing or old", "Reload the page and try again."),
    "gateway_shared": Kind(
        403,
        "The gateway belongs to several workspaces",
        "Ask the installation administrator, who alone changes a shared gateway.",
    ),
    "scope_not_yours": Kind(
        403, "Nobody can give more rights than they have", "Leave out the scopes that you do not have yourself."
    ),
    "not_found": Kind(404, "There is no such thing here", "Check the number or address, and the workspace of the key."),
    "method_not_allowed": Kind(
        405, "The method does not fit the address", "Use one of the methods in the Allow header."
    ),
    "name_taken": Kind(409, "The name is taken", "Choose another name."),
    "gateway_in_use": Kind(
        409, "Deleting the gateway affects other things", "Read what is affected, then repeat with ?confirm=true."
    ),
    "gateway_has_queue": Kind(
        409, "Messages wait for the gateway", "Name another gateway that takes them over, or cancel them first."
    ),
    "gateway_busy": Kind(
        409, "Messages are on their way through the gateway", "Switch it off, wait until they are through, and repeat."
    ),
    "gateway_heir": Kind(
        422,
        "The gateway cannot take over",
        "Choose an active gateway of the same workspaces that is not limited to verified phones or sender IDs.",
    ),
    "already_member": Kind(409, "The person is in the workspace already", "Change their role in the list."),
    "last_owner": Kind(409, "A workspace needs an owner", "Make somebody else an owner first."),
    "last_administrator": Kind(
        409, "The installation needs an administrator", "Make somebody else an administrator first."
    ),
    "too_many_rules": Kind(409, "There are too many rules", "Join some of them, or delete one."),
    "rules_changed": Kind(409, "The rules have changed meanwhile", "Read them again, then name each of them once."),
    "campaign_changed": Kind(
        409, "The campaign was changed meanwhile", "Read it again, and make the change to what it is now."
    ),
    "campaign_sent": Kind(
        409, "The campaign is sent or about to be", "Undo it while that is possible, or make a copy of it."
    ),
    "campaign_running": Kind(409, "The campaign is running", "Cancel it first, or wait until it has ended."),
    "campaign_not_so": Kind(409, "The campaign does not stand so", "Read its status again."),
    "count_needed": Kind(422, "The campaign is for everyone", "Say how many people get it, or set a filter."),
    "plan_needed": Kind(
        409, "What sending would do is not known yet", "Have its plan worked out, read it, and send it then."
    ),
    "no_link_address": Kind(
        422, "Short links have no address", "Set one on the page Short links, or GATEPOST_PUBLIC_URL."
    ),
    "contact_changed": Kind(
        409, "The contact was changed meanwhile", "Look at what is saved, then save again what is to stand."
    ),
    "template_changed": Kind(
        409, "The template was changed meanwhile", "Read it again, then repeat what you want to change."
    ),
    "already_decided": Kind(409, "This was decided before", "Read its state again."),
    "body_too_large": Kind(413, "The body is too large", "Send less in one request."),
    "file_unfit": Kind(422, "The file cannot be taken", "Choose another file."),
    "no_file": Kind(422, "There is no file", "Send the file as multipart/form-data in the field `file`."),
    "not_json": Kind(415, "Only JSON is understood", "Send the header `Content-Type: application/json`."),
    "invalid": Kind(422, "Something does not fit", "Correct the fields that are named, and try again."),
    "invalid_settings": Kind(422, "The settings do not fit", "Correct the fields that are named, and try again."),
    "provider_unfit": Kind(422, "This protocol cannot be served", "Choose another provider."),
    "not_supported": Kind(422, "The provider does not offer this", "See what it offers in the catalogue."),
    "secret_unreadable": Kind(
        409, "A saved secret cannot be read", "Enter the gateway's secrets again, or bring back the old encryption key."
    ),
    "no_encryption_key": Kind(
        503, "Secrets cannot be encrypted", "Set GATEPOST_ENCRYPTION_KEYS, or let `gatepost up` make a key."
    ),
    "idempotency_conflict": Kind(
        409, "The idempotency key was used for another request", "Use a new key for a new request."
    ),
    "bad_idempotency_key": Kind(400, "The idempotency key does not fit", "Send 1 to 200 printable characters."),
    "number_empty": Kind(422, "There is no number", "Write the recipient's number with its country code."),
    "number_too_long": Kind(422, "The number is too long", "Write at most 15 digits with the country code."),
    "number_too_short": Kind(422, "The number is too short", "Write the whole number with its country code."),
    "number_no_country": Kind(422, "The number has no country", "Write it with + and its country code."),
    "default_country_unknown": Kind(422, "The default country does not exist", "Correct it in the workspace."),
    "invalid_number": Kind(422, "The number is not a phone number", "Correct the number."),
    "text_empty": Kind(422, "The text is empty", "Write something."),
    "text_too_long": Kind(422, "The text is too long", "Shorten the text."),
    "text_has_nul": Kind(422, "The text holds a NUL character", "Remove it."),
    "text_has_lone_surrogate": Kind(422, "The text holds half a character", "Send valid Unicode."),
    "suppressed": Kind(422, "The number must not be sent to", "Leave it out; it is on the suppression list."),
    "no_gateway": Kind(422, "There is no gateway", "Add a gateway, or have one assigned to this workspace."),
    "no_default_gateway": Kind(422, "No gateway is the default", "Choose the default gateway, or name one."),
    "no_route": Kind(422, "No gateway of its route takes the message", "See the Routing page for the reasons."),
    "ambiguous_gateway": Kind(
        422, "Two gateways go by this name", "Rename one of them, or send the number as a JSON number."
    ),
    "gateway_draining": Kind(422, "The gateway takes no new messages", "Name another gateway, or none."),
    "no_email_account": Kind(
        422, "There is no such e-mail account", "Add an e-mail account on the page Gateways, and make it the default."
    ),
    "mail_refused": Kind(422, "The mail cannot be sent", "Correct what is said, and send it again."),
    "not_repeatable": Kind(409, "The mail did not fail", "Send again only what failed or is unknown."),
    "not_a_bounce": Kind(422, "The message is no report that counts", "Send reports of mail servers as they came."),
    "unknown_gateway": Kind(422, "There is no such gateway", "Use the name or number of a gateway of this workspace."),
    "ip_not_allowed": Kind(403, "The address may not use this gateway", "Send from an allowed address."),
    "phone_not_verified": Kind(422, "The phone is not verified", "Add it to the gateway's verified phones."),
    "too_many_segments": Kind(422, "The text needs too many segments", "Shorten the text."),
    "sender_not_verified": Kind(422, "The sender ID is not verified", "Use a verified sender ID of the gateway."),
    "sender_missing": Kind(422, "There is no sender ID", "Set one at the gateway, or name an approved one."),
    "sender_not_allowed": Kind(422, "The provider does not take this sender ID", "Choose another sender ID."),
    "sending_disabled": Kind(409, "Sending is switched off", "Switch it on in the gateway and the workspace."),
    "bad_client_ref": Kind(422, "The client reference does not fit", "Send 1 to 100 printable characters."),
    "bad_tag": Kind(422, "The tag does not fit", "Send 1 to 40 printable characters."),
    "bad_priority": Kind(422, "There is no such priority", "One of code, normal, bulk."),
    "send_at_no_zone": Kind(422, "The time has no zone", "Write it as 2026-01-31T12:00:00Z."),
    "send_at_too_far": Kind(422, "The time is too far ahead", "At most 366 days."),
    "validity_too_short": Kind(422, "The validity is too short", "At least 60 seconds."),
    "gateway_gone": Kind(
        409, "The gateway of the message was deleted", "Leave the message as it is, or write a new one."
    ),
    "not_unknown": Kind(409, "The message is not unknown", "Read its state again."),
    "not_cancellable": Kind(409, "The message is not waiting any more", "Read its state again."),
    "too_many_requests": Kind(429, "Too many requests", "Wait as long as the Retry-After header says."),
    "internal_error": Kind(500, "Something went wrong on our side", "Try again; the log of the server says more."),
    "unavailable": Kind(503, "The database cannot be reached", "Try again as the Retry-After header says."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit. `field` is its path in what was sent, such as `settings.api_key`."""

    field: str
    code: str
    detail: str


class Problem(Exception):
    """A use case that was refused. `code` stands in KINDS; `detail` says what happened, never with a secret in it."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        faults: Iterable[Fault] = (),
        remedy: str = "",
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.kind = KINDS[code]
        self.faults = tuple(faults)
        self.detail = detail or " ".join(dict.fromkeys(fault.detail for fault in self.faults)) or f"{self.kind.title}."
        self.remedy = remedy or self.kind.remedy
        self.more = dict(more or {})
        self.headers = dict(headers or {})
        super().__init__(f"{self.detail} {self.remedy}")

    @property
    def status(self) -> int:
        return self.kind.status


def document(problem: Problem) -> dict[str, Any]:
    """The body of the answer (RFC 9457), to be served as application/problem+json."""
    answer: dict[str, Any] = {
        "type": f"urn:gatepost:problem:{problem.code}",
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "remedy": problem.remedy,
    }
    if problem.faults:
        answer["errors"] = [
            {"field": fault.field, "code": fault.code, "detail": fault.detail} for fault in problem.faults
        ]
    return answer | problem.more
