"""Counts what proves each adapter. `python -m tests.providers.evidence` writes the counts beside the adapters."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.providers.exchange_files import HERE, load_all

from gatepost.providers.quality import ENOUGH_EXCHANGES, Evidence
from gatepost.providers.registry import all_providers

ROOT = HERE.parent.parent
PAGES = ROOT / "docs" / "providers" / "quirks"
RECORD = ROOT / "src" / "gatepost" / "providers" / "evidence.json"


def counted(exchanges_root: Path = HERE, pages: Path = PAGES) -> dict[str, Evidence]:
    """Counts as far as grades ask for them, so that one more exchange does not make the record stale."""
    exchanges = load_all(exchanges_root)
    total = Counter(exchange.slug for exchange in exchanges)
    documented = Counter(exchange.slug for exchange in exchanges if exchange.origin == "documented")
    return {
        slug: Evidence(min(total[slug], ENOUGH_EXCHANGES), min(documented[slug], 1), (pages / f"{slug}.md").is_file())
        for slug in all_providers()
    }


def written() -> str:
    return json.dumps({slug: asdict(evidence) for slug, evidence in counted().items()}, indent=1) + "\n"


if __name__ == "__main__":
    RECORD.write_text(written(), "utf-8")
