"""Counts what proves each adapter. `python -m tests.providers.evidence` writes the counts beside the adapters."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.providers.exchange_files import HERE, load_all

from gatepost.providers.quality import Evidence
from gatepost.providers.registry import all_providers

ROOT = HERE.parent.parent
PAGES = ROOT / "docs" / "providers" / "quirks"
RECORD = ROOT / "src" / "gatepost" / "providers" / "evidence.json"


def counted(exchanges_root: Path = HERE, pages: Path = PAGES) -> dict[str, Evidence]:
    exchanges = load_all(exchanges_root)
    total = Counter(exchange.slug for exchange in exchanges)
    documented = Counter(exchange.slug for exchange in exchanges if exchange.origin == "documented")
    return {slug: Evidence(total[slug], documented[slug], (pages / f"{slug}.md").is_file()) for slug in all_providers()}


def written() -> str:
    return json.dumps({slug: asdict(evidence) for slug, evidence in counted().items()}, indent=1) + "\n"


if __name__ == "__main__":
    RECORD.write_text(written(), "utf-8")
