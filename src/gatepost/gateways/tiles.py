"""A provider as the catalogue shows it, made from its manifest and from what proves its adapter."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.safestring import SafeString

import gatepost
from gatepost.gateways.countries import country_name
from gatepost.gateways.listing import monogram
from gatepost.pages.markdown import to_html
from gatepost.providers import registry
from gatepost.providers.manifest import Manifest
from gatepost.providers.quality import Grade, Quality, quality, recorded_evidence
from gatepost.providers.registry import Provider

CONFIDENCE: Final = {
    "documented": ("Documented", "The protocol is taken from the provider's own documentation."),
    "client-code": ("From client code", "The protocol is taken from programs that use it, not from documentation."),
    "operator-supplied": ("Operator-supplied", "The protocol is known from operators' set-ups only; check it first."),
}
_DELIVERIES: Final = {"push": "pushed", "query": "asked for", "poll": "fetched"}


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that a provider can do, with its icon."""

    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One provider of the catalogue."""

    manifest: Manifest
    abilities: tuple[Ability, ...]
    quality: Quality

    @property
    def monogram(self) -> str:
        return monogram(self.manifest.label)

    @property
    def countries(self) -> list[str]:
        return [country_name(code) for code in self.manifest.countries]

    @property
    def confidence(self) -> tuple[str, str]:
        """The word and what it means."""
        return CONFIDENCE[self.manifest.confidence]

    def fits(self, wanted: str, country: str) -> bool:
        """Whether a search finds it. A provider without countries serves every one."""
        manifest = self.manifest
        text = " ".join(
            (manifest.label, manifest.slug, *self.countries, *(ability.words for ability in self.abilities))
        )
        is_there = not country or not manifest.countries or country in manifest.countries
        return is_there and all(word in text.lower() for word in wanted.lower().split())


def every() -> list[Tile]:
    """All providers, by label."""
    return sorted(map(tile, registry.all_providers().values()), key=lambda one: one.manifest.label.lower())


def tile(provider: Provider) -> Tile:
    evidence = recorded_evidence().get(provider.slug)
    proven = quality(provider, evidence) if evidence else Quality(Grade.NONE)
    return Tile(provider.manifest, tuple(_abilities(provider)), proven)


def countries(tiles: Iterable[Tile]) -> list[tuple[str, str]]:
    """Code and name of every country that some provider names, by name."""
    codes = {code for one in tiles for code in one.manifest.countries}
    return sorted(((code, country_name(code)) for code in codes), key=lambda pair: pair[1])


def quirks(slug: str) -> SafeString | None:
    """The provider's page of limits and quirks; None where there is none."""
    package = Path(gatepost.__file__).parent
    for folder in (package / "provider_pages", package.parents[1] / "docs" / "providers" / "quirks"):
        file = folder / f"{slug}.md"
        if file.is_file():
            return to_html(file.read_text("utf-8"), skip_title=True)
    return None


def _abilities(provider: Provider) -> Iterable[Ability]:
    manifest = provider.manifest
    if manifest.unfit:
        return
    if manifest.batch:
        yield Ability("batch", f"Batches of {manifest.batch.limit:,}")
    if manifest.receipts:
        yield Ability("receipt", "Receipts " + ", ".join(_DELIVERIES[way] for way in manifest.receipts))
    if "sms" in manifest.inbound:
        yield Ability("inbox", "Inbound SMS")
    if "mms" in manifest.inbound:
        yield Ability("image", "Inbound MMS")
    if provider.balance:
        yield Ability("coins", "Balance")
    if provider.query:
        yield Ability("search", "Status query")
    if manifest.schedules:
        yield Ability("clock", "Scheduling")
    if manifest.dedupe:
        yield Ability("shield", "Safe re-sending")
