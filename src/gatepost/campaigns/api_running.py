"""REST: sending campaigns, what may be done while they run, their recipients, and the history of all sendings."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from gatepost.campaigns import history, running, services
from gatepost.campaigns.api import IDEMPOTENT, KEY, CampaignOut, Number, said_by, shown
from gatepost.campaigns.words import CampaignWord, states_of
from gatepost.channels.base import Reason
from gatepost.messages.idempotency import once
from gatepost.messages.models import Kind
from gatepost.rest.bodies import Body, Id, Moment
from gatepost.sms.states import State, Word
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Campaigns"])


class SendIn(Body):
    """`count`: how many people get it, needed where nothing restricts them."""

    count: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    version: Annotated[
        int | None, Field(ge=1, lt=2**31, description="The version that was read; a later one is then refused.")
    ] = None


class TrialIn(Body):
    """`contact_id`: whose values fill in the text; without it the first recipient's."""

    address: Annotated[str, Field(min_length=1, max_length=254, description="A number, or an e-mail address.")]
    channel: Annotated[str, Field(max_length=10, description="For campaigns that go by several.")] = ""
    contact_id: Number | None = None


class CampaignTestOut(Schema):
    message: Annotated[str, Field(description="The id of the message.")]


class RecipientOut(Schema):
    """What became of one contact by one channel: a message, or the reason why there is none."""

    id: int
    contact_id: int
    name: str
    channel: str
    address: str
    message: Annotated[str | None, Field(description="The id of the message.")]
    state: State | None
    word: Word | None
    at: datetime | None
    cause: Annotated[str, Field(description="Why it failed or waits.")]
    subject: str
    text: str
    read_at: datetime | None
    reason: Annotated[str, Field(description="Why nothing was sent.")]
    words: str


class RecipientsOut(Schema):
    items: list[RecipientOut]
    next_after: Annotated[int | None, Field(description="For `after` of the next page; null on the last one.")]


class RecipientQuery(Schema):
    """Which recipients; what is left out does not restrict."""

    word: Word | None = None
    state: Annotated[State | None, Field(description="More exact than `word`, and goes before it.")] = None
    q: Annotated[
        str, Field(max_length=200, description="Part of a name, login or e-mail; beginning of a number or address.")
    ] = ""
    excluded: Annotated[bool, Field(description="Those who got nothing.")] = False
    reason: Reason | None = None
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntryOut(Schema):
    """A sending: a campaign, or a single message."""

    at: datetime
    kind: Kind
    channels: list[str]
    title: str
    word: CampaignWord
    recipients: int
    campaign_id: int | None
    message: Annotated[str | None, Field(description="The id of the message.")]


class HistoryOut(Schema):
    items: list[EntryOut]
    next_cursor: str | None


class HistoryQuery(Schema):
    """Which sendings; what is left out does not restrict."""

    word: CampaignWord | None = None
    channel: Annotated[str, Field(max_length=10)] = ""
    kind: Kind | None = None
    q: Annotated[
        str,
        Field(
            max_length=200,
            description="Part of a campaign's name, subject or text, or of a subject; the beginning of a number.",
        ),
    ] = ""
    since: Annotated[Moment | None, Field(description="Begun since then; written, where it has not begun.")] = None
    until: Moment | None = None
    cursor: Annotated[str, Field(max_length=100)] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.post(
    "/campaigns/{int:campaign_id}/send",
    auth=needs(Right.CAMPAIGNS_WRITE),
    response=CampaignOut,
    openapi_extra=IDEMPOTENT,
)
def send_campaign(request: HttpRequest, campaign_id: Id, said: SendIn) -> dict[str, Any]:
    """Send it: after 30 seconds in which it can be undone, or when it is scheduled."""
    asker = caller(request)
    row = services.find(asker.workspace, campaign_id)

    def make() -> str:
        return str(running.send(row, count=said.count, version=said.version, **said_by(request)).pk)

    body = f"send {campaign_id} {said.count} {said.version}".encode()
    once(asker.workspace.pk, request.headers.get(KEY, ""), body, make)
    return shown(services.find(asker.workspace, campaign_id))


@router.post("/campaigns/{int:campaign_id}/undo", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignOut)
def undo_campaign(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """Make it a draft again, before anything of it has been sent."""
    asker = caller(request)
    return shown(running.undo(services.find(asker.workspace, campaign_id), actor=asker.actor))


@router.post("/campaigns/{int:campaign_id}/pause", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignOut)
def pause_campaign(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """Stop it where it is; what is on its way arrives."""
    asker = caller(request)
    return shown(running.pause(services.find(asker.workspace, campaign_id), actor=asker.actor))


@router.post("/campaigns/{int:campaign_id}/resume", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignOut)
def resume_campaign(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """Go on where it was paused."""
    asker = caller(request)
    return shown(running.resume(services.find(asker.workspace, campaign_id), actor=asker.actor))


@router.post("/campaigns/{int:campaign_id}/cancel", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignOut)
def cancel_campaign(request: HttpRequest, campaign_id: Id) -> dict[str, Any]:
    """End it: what waits is cancelled."""
    asker = caller(request)
    return shown(running.cancel(services.find(asker.workspace, campaign_id), actor=asker.actor))


@router.post("/campaigns/{int:campaign_id}/send-again", auth=needs(Right.CAMPAIGNS_WRITE), response={201: CampaignOut})
def send_campaign_again(request: HttpRequest, campaign_id: Id) -> Status[dict[str, Any]]:
    """A new draft for those who did not get this one."""
    asker = caller(request)
    row = services.find(asker.workspace, campaign_id)
    return Status(201, shown(running.send_again(row, user=asker.user, actor=asker.actor)))


@router.post("/campaigns/{int:campaign_id}/test", auth=needs(Right.CAMPAIGNS_WRITE), response=CampaignTestOut)
def test_campaign(request: HttpRequest, campaign_id: Id, said: TrialIn) -> dict[str, str]:
    """Send what a recipient would get to an address of yours."""
    asker = caller(request)
    row = services.find(asker.workspace, campaign_id)
    sent = running.send_test(
        row,
        said.address,
        channel=said.channel,
        contact_id=said.contact_id,
        **said_by(request),
    )
    return {"message": sent.ref}


@router.get("/campaigns/{int:campaign_id}/recipients", auth=needs(Right.CAMPAIGNS_READ), response=RecipientsOut)
def list_recipients(request: HttpRequest, campaign_id: Id, wanted: Query[RecipientQuery]) -> dict[str, Any]:
    """Its recipients and what became of each, in the order in which they were written to."""
    row = services.find(caller(request).workspace, campaign_id)
    by_word = states_of([wanted.word] if wanted.word else ())
    lines, after = history.recipients(
        row,
        states=[wanted.state] if wanted.state else by_word,
        excluded=wanted.excluded,
        reason=str(wanted.reason or ""),
        query=wanted.q,
        after=wanted.after,
        limit=wanted.limit,
    )
    return {"items": [_recipient(line) for line in lines], "next_after": after}


@router.get("/history", auth=needs(Right.CAMPAIGNS_READ), response=HistoryOut)
def read_history(request: HttpRequest, wanted: Query[HistoryQuery]) -> dict[str, Any]:
    """Every sending of every channel, newest first: campaigns and single messages."""
    asked = history.Wanted(
        wanted.word, wanted.channel, str(wanted.kind or ""), wanted.q, since=wanted.since, until=wanted.until
    )
    entries, cursor = history.page(caller(request).workspace, asked, wanted.cursor, wanted.limit)
    names = ("at", "kind", "channels", "title", "word", "recipients")
    items = [
        {name: getattr(entry, name) for name in names}
        | {
            "campaign_id": entry.campaign.pk if entry.campaign else None,
            "message": entry.message.ref if entry.message else None,
        }
        for entry in entries
    ]
    return {"items": items, "next_cursor": cursor or None}


def _recipient(line: history.Line) -> dict[str, Any]:
    row, standing = line.recipient, line.standing
    known = {"state": None, "word": None, "at": None, "cause": "", "subject": "", "text": "", "read_at": None}
    if standing is not None:
        known = {name: getattr(standing, name) for name in known}
    return {
        "id": row.pk,
        "contact_id": row.contact_id,
        "name": str(line.contact) if line.contact else "",
        "channel": row.channel,
        "address": row.address,
        "message": standing.ref if standing else None,
        "reason": row.reason,
        "words": row.words,
    } | known
