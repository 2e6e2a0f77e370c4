"""Cases that nobody wrote: what a broken, hostile or overloaded other side does to every adapter, by discovery.

Each family makes cases from a provider's own exchanges. A case raises when a promise is broken: the right kind of
outcome for every message, never accepted without the promised key, and no exception but AdapterError.
"""

from collections.abc import Callable, Iterator

from tests.providers.hostile import answers, callbacks, writing
from tests.providers.hostile.subject import Case, Subject

Family = Callable[[Subject], Iterator[Case]]
FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        answers.statuses,
        answers.failures,
        answers.redirects,
        answers.retry_after,
        answers.bodies,
        answers.truncated,
        answers.missing_ids,
        answers.odd_values,
        answers.batch_answers,
        answers.asking,
        writing.texts,
        writing.senders,
        writing.secrets,
        callbacks.callbacks,
        callbacks.signatures,
    )
}


def faults_of(family: Family, subject: Subject) -> list[str]:
    """Runs every case of a family; what broke, by the name of the case."""
    faults: list[str] = []
    name = "making the cases"
    try:
        for case in family(subject):
            name = case.name
            fault = _fault_of(case)
            faults += [f"{name}: {fault}"] if fault else []
    except Exception as fault:
        faults.append(f"after {name}: {type(fault).__name__}: {fault}")
    return faults


def _fault_of(case: Case) -> str:
    try:
        case.run()
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}"
    return ""
