"""How a mass sending looks to one of its recipients: their data in the text, its size, and by what it would go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import load
from gatepost.campaigns import services
from gatepost.campaigns.assembling import Assembler, assembler, channels_of
from gatepost.campaigns.models import Campaign
from gatepost.channels.attachments import gather
from gatepost.channels.base import Channel, Excluded, Facts, Piece
from gatepost.problems import Problem
from gatepost.sms.text import Costly, InvalidText, Measure, Saving, measure, saving
from gatepost.texts.preview import Wanted, random_contact, worst_case


@dataclass(frozen=True, slots=True)
class Named:
    """A character that costs. `is_own`: it stands in the text itself, where it can be replaced."""

    costly: Costly
    is_own: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What one recipient gets. `trouble`: why they would get nothing."""

    contact: Contact | None = None
    channel: str = ""
    text: str = ""
    subject: str = ""
    address: str = ""
    sender: str = ""
    gateway: str = ""
    files: tuple[str, ...] = ()
    size: Measure | None = None
    saving: Saving | None = None
    foreign: tuple[Named, ...] = ()
    trouble: str = ""

    @property
    def is_sms(self) -> bool:
        return self.channel == "sms"

    @property
    def is_replaceable(self) -> bool:
        return any(named.is_own and named.costly.replacement is not None for named in self.foreign)


def first(campaign: Campaign) -> Contact | None:
    """The first who is meant."""
    return services.people(campaign).order_by("pk").first()


def anybody(campaign: Campaign) -> Contact | None:
    """One who is meant, by chance."""
    return random_contact(services.people(campaign))


def longest(campaign: Campaign) -> Contact | None:
    """The one for whom the message comes out longest. Raises Problem `invalid` for an unfit text."""
    channel = "sms" if campaign.send_to == Campaign.SendTo.SMS else "portal"
    wanted = Wanted(channel, campaign.subject, campaign.text, campaign.missing, campaign.default)
    meant = services.people(campaign)
    return worst_case(load(campaign.workspace), wanted, meant.exclude(phones=[]) if channel == "sms" else meant)


def look_at(campaign: Campaign, contact: Contact | None) -> Look:
    """What the contact would get, by the first channel of the campaign that reaches them."""
    looks: list[Look] = []
    try:
        making = assembler(campaign)
    except Problem as problem:
        return Look(contact, campaign.channels[0], campaign.text, campaign.subject, trouble=problem.detail)
    for channel in channels_of(campaign):
        looks.append(_look(making, channel, contact))
        if not looks[-1].trouble:
            break
    return looks[-1] if looks else Look(contact, campaign.channels[0], campaign.text, campaign.subject)


def _look(making: Assembler, channel: Channel, contact: Contact | None) -> Look:
    campaign = making.campaign
    seen = Look(contact, channel.name, campaign.text, campaign.subject, sender=campaign.sender)
    if contact is None:
        return _measured(seen, campaign.text)
    [row] = making.rows(channel, [contact], ())
    piece = row.what if isinstance(row.what, Piece) else making.piece(contact, row.address)
    if isinstance(piece, Excluded):
        return replace(_measured(seen, campaign.text), address=row.address, trouble=piece.words)
    files = tuple(file.name for file in gather(campaign.workspace_id, piece.attachments, piece.documents))
    seen = replace(seen, text=piece.text, subject=piece.subject, address=row.address, files=files)
    seen = _measured(seen, campaign.text)
    if isinstance(row.what, Excluded):
        return replace(seen, trouble=row.what.words)
    [found] = channel.check(making.order, [piece])
    return _with_facts(seen, found)


def _with_facts(seen: Look, found: Facts | Excluded) -> Look:
    return replace(seen, trouble=found.words) if isinstance(found, Excluded) else replace(seen, gateway=found.gateway)


def _measured(seen: Look, source: str) -> Look:
    if not seen.is_sms or not seen.text:
        return seen
    try:
        size = measure(seen.text)
    except InvalidText as invalid:
        return replace(seen, trouble=f"{invalid.sentence} {invalid.remedy}")
    foreign = (one for one in size.costly if one.effect == "forces_ucs2")
    return replace(seen, size=size, saving=saving(seen.text), foreign=tuple(_named(foreign, source)))


def _named(costly: Iterable[Costly], source: str) -> Sequence[Named]:
    return [Named(one, one.character in source) for one in costly]
