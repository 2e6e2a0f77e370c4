"""Every adapter against the cases that nobody wrote, one test per provider and family."""

from functools import cache

import pytest
from tests.providers.exchange_files import load_all
from tests.providers.hostile.families import FAMILIES, faults_of
from tests.providers.hostile.subject import Subject

from gatepost.providers.registry import all_providers

SLUGS = [slug for slug, provider in all_providers().items() if not provider.manifest.unfit]
LEAST = 40


@cache
def subject(slug: str) -> Subject:
    exchanges = [exchange for exchange in load_all() if exchange.slug == slug]
    return Subject(all_providers()[slug], exchanges)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("slug", SLUGS)
def test_survives(slug: str, family: str) -> None:
    faults = faults_of(FAMILIES[family], subject(slug))
    assert not faults, f"{slug}, {family}: {len(faults)} cases fail\n" + "\n".join(faults[:20])


@pytest.mark.parametrize("slug", SLUGS)
def test_has_something_to_spoil(slug: str) -> None:
    assert subject(slug).goods(), f"{slug} needs an exchange in which every message is accepted"


@pytest.mark.parametrize("slug", SLUGS)
def test_generates_enough_cases(slug: str) -> None:
    count = sum(1 for family in FAMILIES.values() for _ in family(subject(slug)))
    assert count >= LEAST, f"{slug} has {count} generated cases, {LEAST} are needed"
