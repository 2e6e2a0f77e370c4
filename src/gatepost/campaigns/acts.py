"""What may be done with a campaign as it stands, for its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gatepost.campaigns import running, services, watching
from gatepost.campaigns.models import Campaign
from gatepost.workspaces.models import User

Status = Campaign.Status


@dataclass(frozen=True, slots=True)
class Act:
    """A button. `asks`: the question before it, which says what will happen; `done`: what is said afterwards."""

    name: str
    label: str
    icon: str
    done: str
    asks: str = ""
    tone: str = ""


UNDO: Final = Act("undo", "Take it back", "leave", "It is a draft again. Nobody was written to.")
PAUSE: Final = Act("pause", "Pause", "clock", "Paused. What is on its way to the provider still arrives.")
RESUME: Final = Act("resume", "Resume", "send", "It goes on where it stopped.")
CANCEL: Final = Act(
    "cancel",
    "Cancel the sending",
    "cross",
    "Cancelled. What has been handed over stays sent.",
    "What still waits is not sent any more, and cannot be taken up again. What has been handed over stays sent.",
    "danger",
)
AGAIN: Final = Act(
    "again",
    "Send again to those who did not get it",
    "send",
    "A new draft for those who did not get it. Check it, and send it.",
    "It makes a new draft with the same text for the recipients whose messages failed or expired. Nothing is sent yet.",
)
REMOVE: Final = Act(
    "remove",
    "Remove from the history",
    "trash",
    "Removed. It is found by the status Removed.",
    "It stays for the accounts and is found by the status Removed. Its messages stay in the log.",
    "danger",
)
ALL: Final[Mapping[str, Act]] = {act.name: act for act in (UNDO, PAUSE, RESUME, CANCEL, AGAIN, REMOVE)}
_BY_STATUS: Final[Mapping[str, tuple[Act, ...]]] = {
    Status.UNDO: (UNDO,),
    Status.SCHEDULED: (UNDO, CANCEL),
    Status.EXPANDING: (PAUSE, CANCEL),
    Status.SENDING: (PAUSE, CANCEL),
    Status.PAUSED: (RESUME, CANCEL),
}


def possible(row: Campaign) -> tuple[Act, ...]:
    """What fits its status now."""
    if row.status in (Status.SENT, Status.CANCELLED):
        return (AGAIN,) if watching.progress(row).failed else ()
    return _BY_STATUS.get(row.status, ())


def questions(row: Campaign) -> tuple[Act, ...]:
    """What is asked before something is done with it."""
    return tuple(_again(row) if act is AGAIN else act for act in ALL.values() if act.asks)


def _again(row: Campaign) -> Act:
    unknown = watching.progress(row).unknown
    if not unknown:
        return AGAIN
    who = "1 message is" if unknown == 1 else f"{unknown:,} messages are"
    left = f"{who} in the state unknown: they may have arrived, so that their recipients are not among them."
    return replace(AGAIN, asks=f"{AGAIN.asks} {left}")


def may_remove(row: Campaign) -> bool:
    """Whether it can be taken out of the history."""
    return row.removed_at is None and row.status in (Status.DRAFT, Status.SENT, Status.CANCELLED)


def do(row: Campaign, act: Act, *, user: User | None, actor: str) -> Campaign:
    """Do it; the campaign that is looked at next. Raises Problem."""
    simple: Mapping[str, Callable[..., Campaign]] = {
        "undo": running.undo,
        "pause": running.pause,
        "resume": running.resume,
        "cancel": running.cancel,
    }
    if act.name in simple:
        return simple[act.name](row, actor=actor)
    if act is AGAIN:
        return running.send_again(row, user=user, actor=actor)
    services.remove(row, actor=actor)
    return row
