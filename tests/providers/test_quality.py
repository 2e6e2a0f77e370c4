"""Grades are computed, recorded, and never lowered."""

from dataclasses import replace

import pytest
import yaml
from tests.providers.evidence import RECORD, counted, written
from tests.providers.exchange_files import HERE

from gatepost.providers.fields import Json
from gatepost.providers.quality import Evidence, Grade, has_error_table, quality, recorded_evidence
from gatepost.providers.registry import Provider, all_providers

FLOOR = yaml.safe_load((HERE / "grades.yaml").read_text("utf-8"))
PLENTY = Evidence(exchanges=12, documented=1, has_page=True)
COMPLETE = all_providers()["smsapi"]


@pytest.mark.parametrize("slug", FLOOR)
def test_no_grade_is_lowered(slug: str) -> None:
    found = quality(all_providers()[slug], counted()[slug])
    floor = Grade[FLOOR[slug].upper()]
    assert found.grade >= floor, f"{slug} was {floor.label} and is {found.grade.label}; missing: {found.missing}"


def test_the_recorded_evidence_is_current() -> None:
    assert RECORD.read_text("utf-8") == written(), "stale: run `python -m tests.providers.evidence`"
    assert recorded_evidence() == counted()


def test_a_complete_adapter_is_gold() -> None:
    assert quality(COMPLETE, PLENTY).grade is Grade.GOLD
    assert quality(COMPLETE, PLENTY).missing == ()


@pytest.mark.parametrize(
    ("provider", "evidence", "grade", "missing"),
    [
        (COMPLETE, Evidence(12, 1, has_page=False), Grade.NONE, "a page of quirks"),
        (COMPLETE, Evidence(11, 1, has_page=True), Grade.BRONZE, "12 exchanges"),
        (COMPLETE, Evidence(12, 0, has_page=True), Grade.SILVER, "exchanges with a documented origin"),
        (replace(COMPLETE, balance=None), PLENTY, Grade.SILVER, "balance"),
        (replace(COMPLETE, query=None), PLENTY, Grade.SILVER, "status query"),
        (replace(COMPLETE, check=None), PLENTY, Grade.SILVER, "check"),
        (replace(COMPLETE, manifest=replace(COMPLETE.manifest, inbound=())), PLENTY, Grade.BRONZE, "inbound messages"),
        (replace(COMPLETE, manifest=replace(COMPLETE.manifest, receipts=())), PLENTY, Grade.BRONZE, "receipts"),
        (replace(COMPLETE, manifest=replace(COMPLETE.manifest, unfit="no API")), PLENTY, Grade.NONE, "submit"),
        (
            replace(COMPLETE, manifest=replace(COMPLETE.manifest, callback_auth="signature")),
            PLENTY,
            Grade.BRONZE,
            "authenticated callbacks",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_sets_the_grade(provider: Provider, evidence: Evidence, grade: Grade, missing: str) -> None:
    found = quality(provider, evidence)
    assert found.grade is grade
    assert found.missing == (missing,)


def test_a_receipt_that_is_declared_but_cannot_come_does_not_count() -> None:
    pushed_only = replace(COMPLETE, parse_callback=None, manifest=replace(COMPLETE.manifest, receipts=("push",)))
    assert quality(pushed_only, PLENTY).missing == ("receipts", "inbound messages")


def test_an_operator_may_write_the_table_of_errors() -> None:
    scaffold = replace(COMPLETE, manifest=replace(COMPLETE.manifest, slug="wire"))
    assert not has_error_table(scaffold)
    assert has_error_table(replace(scaffold, manifest=replace(scaffold.manifest, fields=(Json("rules"),))))
