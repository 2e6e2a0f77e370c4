"""The pages of the docs that are made from the code. `python -m gatepost.docs_generated` writes them, with `--check`
it only says which are stale; a test fails when one is."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gatepost import config
from gatepost.providers import reference
from gatepost.providers.quality import Evidence, quality, recorded_evidence
from gatepost.providers.registry import all_providers


def _openapi() -> str:
    from gatepost.api import openapi

    return openapi.snapshot()


def _errors() -> str:
    from gatepost.api import errors

    return errors.reference()


def _settings() -> str:
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else ''} | {_escaped(setting.help)} |"
        for setting in config.SETTINGS
    ]
    secrets = ", ".join(f"`{setting.variable}_FILE`" for setting in config.SETTINGS if setting.is_secret)
    return "\n".join(
        [
            "# Settings",
            "",
            "Every setting of an installation is an environment variable. A value that does not fit, or a combination",
            "that is not safe, stops the start with a sentence that says what to do.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
            f"Secrets can also stand in files: {secrets} name them.",
            "",
            "The command line reads two more: `GATEPOST_URL` and `GATEPOST_API_KEY` say which installation it talks",
            "to.",
            "",
        ]
    )


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "&#124;")


def _command_line() -> str:
    from gatepost.cli import reference as command_line

    return command_line.reference()


def _providers() -> dict[str, str]:
    """The matrix, and a page for each provider."""
    evidence = recorded_evidence()
    graded = [(one, quality(one, evidence.get(one.slug, Evidence()))) for one in all_providers().values()]
    pages = {f"docs/providers/{one.slug}.md": reference.page(one, grade) for one, grade in graded}
    return {"docs/providers/README.md": reference.matrix(graded), **pages}


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/api/openapi.json": _openapi,
    "docs/api/errors.md": _errors,
    "docs/cli.md": _command_line,
    "docs/settings.md": _settings,
}
"""Path in the checkout, and what makes the page; those of providers come besides."""


def made() -> dict[str, str]:
    """Every page as the code says it now, by its path in the checkout. Django must be set up."""
    return {path: make() for path, make in PAGES.items()} | _providers()


def stale(root: Path) -> list[str]:
    """The pages that differ from what the code says now, or are missing."""
    return [path for path, text in made().items() if _read(root / path) != text]


def write(root: Path) -> list[str]:
    """Bring every page up to date; returns those that changed."""
    pages = made()
    changed = [path for path, text in pages.items() if _read(root / path) != text]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(pages[path], "utf-8")
    return changed


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def main(arguments: list[str]) -> int:
    """Write or check the pages of the checkout in the working directory; 1 where a check found stale ones."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.settings")
    import django

    django.setup()
    is_check = arguments == ["--check"]
    found = stale(Path.cwd()) if is_check else write(Path.cwd())
    for path in found:
        sys.stdout.write(f"{'stale' if is_check else 'written'}: {path}\n")
    return 1 if is_check and found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
