"""Answers to a batch: which item answers which message."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from gatepost.providers.base import Batch, MalformedAnswer, Results
from gatepost.sms.outcomes import Outcome, Refusal, not_sent, unknown

T = TypeVar("T")


def refused_as_one(batch: Batch, outcome: Outcome, of_one: Collection[Refusal]) -> Results:
    """A refusal of the whole request, by which nothing of it was sent. The classes `of_one` say that one message is at
    fault, and not which: where there are several, each goes again in a request of its own."""
    if outcome.refusal not in of_one or len(batch.messages) == 1:
        return batch.all(outcome)
    return batch.all(not_sent(f"the whole request was refused: {outcome.words}", is_alone=True))


def match(
    batch: Batch,
    items: Sequence[T],
    *,
    ref: Callable[[T], str] | None = None,
    numbers: Sequence[Callable[[T], str]] = (),
) -> dict[str, T]:
    """Our reference to its item, the first of several; see `match_all`."""
    return {named: found[0] for named, found in match_all(batch, items, ref=ref, numbers=numbers).items()}


def match_all(
    batch: Batch,
    items: Sequence[T],
    *,
    ref: Callable[[T], str] | None = None,
    numbers: Sequence[Callable[[T], str]] = (),
) -> dict[str, list[T]]:
    """Our reference to its items: by the reference in the item, else by a number that only one message has.

    A lone item that names neither answers a lone message. Items for nobody are left out, and a message without an
    item is missing from the result.
    """
    refs = set(batch.refs)
    times = Counter(message.to for message in batch.messages)
    by_number = {message.to: message.ref for message in batch.messages if times[message.to] == 1}
    found: dict[str, list[T]] = {}
    for item in items:
        named = ref(item) if ref else ""
        if not named:
            said = [digits(number(item)) for number in numbers]
            named = next((by_number[number] for number in said if number in by_number), "")
            if not any(said) and len(items) == len(batch.messages) == 1:
                named = batch.first.ref
        if named in refs:
            found.setdefault(named, []).append(item)
    return found


def per_message(found: Mapping[str, T], read: Callable[[T], Outcome]) -> Results:
    """The outcome of each matched item; an item that makes no sense is unknown and spoils no other."""
    results: Results = {}
    for ref, item in found.items():
        try:
            results[ref] = read(item)
        except MalformedAnswer as fault:
            results[ref] = unknown(fault.words)
    return results


def digits(number: str) -> str:
    return re.sub(r"\D", "", number, flags=re.ASCII)
