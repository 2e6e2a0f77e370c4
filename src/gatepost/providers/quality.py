"""How complete an adapter is: Bronze, Silver, Gold, computed from what it has and what proves it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module, resources
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from gatepost.providers.kit.tables import Refused, States
from gatepost.providers.registry import Provider

ENOUGH_EXCHANGES = 12


class Grade(IntEnum):
    """In rising order; NONE has not even the least."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3

    @property
    def label(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What lies beside the module, counted no further than the grades ask. `documented`: exchanges that come from the
    provider's own documentation."""

    exchanges: int = 0
    documented: int = 0
    has_page: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """The grade reached, and in words what the next one wants."""

    grade: Grade
    missing: tuple[str, ...] = ()


Criterion = tuple[str, Callable[[Provider, Evidence], bool]]
CRITERIA: dict[Grade, tuple[Criterion, ...]] = {
    Grade.BRONZE: (
        ("submit", lambda provider, evidence: not provider.manifest.unfit),
        ("a table of errors", lambda provider, evidence: has_error_table(provider)),
        ("a page of quirks", lambda provider, evidence: evidence.has_page),
    ),
    Grade.SILVER: (
        ("receipts", lambda provider, evidence: _has_receipts(provider)),
        ("inbound messages", lambda provider, evidence: _has_inbound(provider)),
        ("authenticated callbacks", lambda provider, evidence: _has_authenticated_callbacks(provider)),
        (f"{ENOUGH_EXCHANGES} exchanges", lambda provider, evidence: evidence.exchanges >= ENOUGH_EXCHANGES),
    ),
    Grade.GOLD: (
        ("balance", lambda provider, evidence: provider.balance is not None),
        ("status query", lambda provider, evidence: provider.query is not None),
        ("check", lambda provider, evidence: provider.check is not None),
        ("exchanges with a documented origin", lambda provider, evidence: evidence.documented > 0),
    ),
}


def quality(provider: Provider, evidence: Evidence) -> Quality:
    """The highest grade of which, and of all below which, nothing is missing."""
    reached = Grade.NONE
    for grade, criteria in CRITERIA.items():
        missing = tuple(words for words, is_met in criteria if not is_met(provider, evidence))
        if missing:
            return Quality(reached, missing)
        reached = grade
    return Quality(reached)


def recorded_evidence() -> Mapping[str, Evidence]:
    """Slug to evidence, as counted when this version was built; a provider that is not in it has none."""
    text = resources.files(__package__).joinpath("evidence.json").read_text("utf-8")
    return {slug: Evidence(**counts) for slug, counts in json.loads(text).items()}


def tables_of(provider: Provider) -> Mapping[str, Refused | States]:
    """Every table of codes of a provider's module or package, by its dotted name."""
    module = import_module(f"gatepost.providers.{provider.slug}")
    found: dict[str, Refused | States] = {}
    for each in (module, *_submodules(module)):
        for name, value in vars(each).items():
            found |= {f"{each.__name__}.{path}": table for path, table in _tables_in(name, value)}
    return found


def has_error_table(provider: Provider) -> bool:
    """In the module, or as the setting `rules`, in which an operator writes it."""
    has_setting = any(field.name == "rules" for field in provider.manifest.fields)
    return has_setting or any(isinstance(table, Refused) and table.rows for table in tables_of(provider).values())


def _submodules(module: ModuleType) -> Iterator[ModuleType]:
    for info in iter_modules(getattr(module, "__path__", ())):
        yield import_module(f"{module.__name__}.{info.name}")


def _tables_in(name: str, value: Any) -> Iterator[tuple[str, Refused | States]]:
    """The value itself, or the tables in a mapping of them (one per protocol)."""
    if isinstance(value, Refused | States):
        yield name, value
    elif isinstance(value, Mapping) and not name.startswith("__"):
        yield from ((f"{name}[{key}]", each) for key, each in value.items() if isinstance(each, Refused | States))


def _has_receipts(provider: Provider) -> bool:
    return any(_delivers(provider, way) for way in provider.manifest.receipts)


def _has_inbound(provider: Provider) -> bool:
    manifest = provider.manifest
    return bool(manifest.inbound) and any(_delivers(provider, way) for way in manifest.inbound_delivery)


def _delivers(provider: Provider, way: str) -> bool:
    """Whether the function is there that a way of delivery needs."""
    return {"push": provider.parse_callback, "query": provider.query, "poll": provider.poll}[way] is not None


def _has_authenticated_callbacks(provider: Provider) -> bool:
    return provider.manifest.callback_auth != "signature" or provider.verify is not None
