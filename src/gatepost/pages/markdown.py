"""Our own documents as HTML: headings, lists, paragraphs, code, emphasis and links; all else is shown as text."""

import html
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from django.utils.safestring import SafeString, mark_safe

_HEADING: Final = re.compile(r"(#{1,4}) +(.+)")
_ITEM: Final = re.compile(r"(?:[-*]|\d+\.) +(.+)")
_CODE: Final = re.compile(r"`([^`]+)`")
_STRONG: Final = re.compile(r"\*\*([^*]+)\*\*")
_EMPHASIS: Final = re.compile(r"\*([^*\s][^*]*)\*")
_LINK: Final = re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)")


def to_html(text: str, *, skip_title: bool = False) -> SafeString:
    """The document, its headings one level lower, because the page has a title of its own."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    if skip_title and blocks and blocks[0].startswith("# "):
        blocks = blocks[1:]
    return mark_safe("\n".join(part for block in blocks for part in _block(block)))  # noqa: S308 - all of it is escaped


def _block(block: str) -> Iterator[str]:
    heading = _HEADING.fullmatch(block.strip())
    if heading:
        level = min(len(heading[1]) + 1, 4)
        yield f"<h{level}>{_inline(heading[2])}</h{level}>"
        return
    lines = block.splitlines()
    for is_list, group in groupby(_joined(lines), key=lambda line: bool(_ITEM.match(line))):
        if not is_list:
            yield f"<p>{_inline(' '.join(group))}</p>"
            continue
        items = list(group)
        kind = "ol" if items[0][0].isdigit() else "ul"
        inner = "".join(f"<li>{_inline(match[1])}</li>" for match in map(_ITEM.match, items) if match)
        yield f"<{kind}>{inner}</{kind}>"


def _joined(lines: list[str]) -> list[str]:
    """Lines that go on an item or a paragraph are one with what they go on."""
    found: list[str] = []
    for line in lines:
        if found and not _ITEM.match(line):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.strip())
    return found


def _inline(text: str) -> str:
    """Code is set apart first, so that no sign in it is read as markup."""
    pieces = _CODE.split(text)
    return "".join(f"<code>{html.escape(p)}</code>" if n % 2 else _marked(p) for n, p in enumerate(pieces))


def _marked(text: str) -> str:
    escaped = html.escape(text)
    linked = _LINK.sub(r'<a href="\2" rel="noreferrer">\1</a>', escaped)
    return _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", linked))
