"""Liquid as far as a text may use it: an environment with our tags and filters only, and what is refused of the rest.

Nothing here reaches Python: values are texts, numbers, flags and lists of texts, names are looked up in mappings only,
and no tag loads another text. How long a rendering takes is bounded thrice: by the length of the text, by the entries
of the one loop that may be open, and by a deadline in time of the processor, which a busy machine does not use up.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from time import thread_time
from typing import TYPE_CHECKING, Any, ClassVar, Final, TextIO

from liquid import BoundTemplate, Environment, Node, RenderContext
from liquid.builtin.content import Literal
from liquid.builtin.expressions import LoopExpression, Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import LiquidError
from liquid.utils import ReadOnlyChainMap

from gatepost.texts.faults import Missing, MissingValue, TextFault
from gatepost.texts.filters import FILTERS, LONGEST, MOST_ENTRIES, guarded, is_missing, shown

if TYPE_CHECKING:
    from liquid.expression import Expression

OUTPUT_LIMIT: Final = 100_000
"""Bytes in UTF-8 of a rendered text."""
DEADLINE_S: Final = 0.5
"""Of the processor, for one rendering."""
DEEPEST: Final = 10

TAGS: Final = (
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    assign_tag.AssignTag,
    capture_tag.CaptureTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
)
BLOCKS: Final = ("if", "unless", "case", "for", "capture", "comment")
INNER_TAGS: Final = ("else", "elsif", "when", *(f"end{block}" for block in BLOCKS))
PARTS: Final = ("size", "first", "last")
"""What of a list or text may be asked for by a name."""
TAG_NAMES: Final = frozenset({*(tag.name for tag in TAGS), *INNER_TAGS, "raw", "endraw"})


class Context(RenderContext):
    """What one rendering knows: the values of one contact, and nothing that the library brings of its own."""

    __slots__ = ("deadline", "instead", "missing")

    def __init__(self, template: BoundTemplate, **more: Any) -> None:
        super().__init__(template, **more)
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self.missing: list[str] = []
        self.instead: str | None = None
        self.deadline = thread_time() + DEADLINE_S

    def get(self, path: list[object], **more: Any) -> object:
        self.check_time()
        return super().get(path, **more)

    def filter(self, name: str, token: Any) -> Any:
        self.check_time()
        return super().filter(name, token)

    def assign(self, key: str, val: Any) -> None:
        if isinstance(val, str) and len(val) > LONGEST:
            raise TextFault(f"A text of more than {LONGEST} characters cannot be assigned.")
        super().assign(key, val)

    def check_time(self) -> None:
        if thread_time() > self.deadline:
            raise TextFault("The text takes too long.")

    def put(self, value: object) -> str:
        """What is written for the value; a missing one is noted."""
        if not is_missing(value):
            return shown(value)
        field = value.field if isinstance(value, Missing) else self._unknown(value)
        if field and self.instead is None:
            self.missing.append(field)
        return self.instead or "" if field else ""

    def _unknown(self, value: object) -> str:
        """The field that is not there; empty for a name of the text's own that was never assigned."""
        name = str(getattr(value, "name", ""))
        assert isinstance(self.template, Template)
        return "" if name in self.template.own else name


class Shown(OutputNode):
    """An output: it writes values as we show them, and notes those that are missing."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        context.check_time()
        return buffer.write(context.put(self.expression.evaluate(context)))


class ShownTag(Output):
    node_class = Shown


class Template(BoundTemplate):
    """A parsed text. `own`: the names that it assigns itself."""

    context_class = Context
    own: frozenset[str] = frozenset()


class Sandbox(Environment):
    """The one environment of all texts."""

    block_nesting_limit: ClassVar[int] = DEEPEST
    loop_iteration_limit: ClassVar[int | None] = MOST_ENTRIES
    output_stream_limit: ClassVar[int | None] = OUTPUT_LIMIT
    local_namespace_limit: ClassVar[int | None] = 4 * OUTPUT_LIMIT
    template_class = Template

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (Literal, ShownTag, Illegal, *TAGS):
            self.add_tag(tag)
        for name, filter_ in FILTERS.items():
            self.add_filter(name, guarded(name, filter_))


SANDBOX: Final = Sandbox()


class Refused(Exception):
    """What Liquid could do and a text may not. `index`: where, in the text."""

    def __init__(self, index: int, code: str, words: str) -> None:
        self.index, self.code, self.words = index, code, words
        super().__init__(words)


def parse(source: str) -> Template:
    """The text, parsed. Raises LiquidError, or Refused."""
    template = SANDBOX.from_string(source)
    assert isinstance(template, Template)
    for node in template.nodes:
        _check(node, 0, Context(template))
    found = template.analyze(include_partials=False)
    for name, spans in found.filters.items():
        if name not in FILTERS:
            raise Refused(spans[0].index, "unknown_filter", f"There is no filter {name!r}.")
    for use in chain.from_iterable(found.variables.values()):
        parts = use.segments[2 if use.segments[0] == "custom" else 1 :]
        if use.segments[0] != "forloop" and not all(isinstance(part, int) or part in PARTS for part in parts):
            words = f"{use} is not a field: only {', '.join(PARTS)} and a number may follow the name of a field."
            raise Refused(use.span.index, "bad_field", words)
    template.own = frozenset(found.locals)
    return template


def needed(template: Template) -> Iterator[tuple[str, int]]:
    """Each field that the text may ask for, as `name` or `custom.key`, and where. Raises Refused."""
    for use in chain.from_iterable(template.analyze(include_partials=False).globals.values()):
        root, *rest = use.segments
        if root != "custom":
            yield str(root), use.span.index
        elif rest and isinstance(rest[0], str):
            yield f"custom.{rest[0]}", use.span.index
        else:
            raise Refused(use.span.index, "bad_field", "Write which custom field is meant, as in custom.key.")


def render(template: Template, values: Mapping[str, Any], *, instead: str | None = None) -> str:
    """The text for these values, nested as Liquid looks them up. Raises MissingValue or TextFault."""
    context = Context(template, globals=values)
    context.instead = instead
    buffer = context.get_buffer()
    try:
        template.render_with_context(context, buffer)
    except LiquidError as error:
        raise TextFault(said(error)) from None
    except RecursionError:
        raise TextFault("The text is nested too deeply.") from None
    if context.missing:
        raise MissingValue(dict.fromkeys(context.missing))
    return buffer.getvalue()


def said(error: LiquidError) -> str:
    """What the library complains of, as a sentence."""
    words = str(error.message or "it cannot be read").strip().rstrip(".")
    return f"Liquid says: {words}."


def _check(node: Node, loops: int, context: Context) -> None:
    is_loop = isinstance(node, for_tag.ForNode)
    if is_loop and loops:
        raise Refused(node.token.start_index, "loop_in_loop", "A loop cannot stand in another loop.")
    if isinstance(node, (for_tag.BreakNode, for_tag.ContinueNode)) and not loops:
        raise Refused(node.token.start_index, "no_loop", "There is no loop here to leave.")
    for expression in node.expressions():
        _check_expression(expression)
    for child in node.children(context):
        _check(child, loops + is_loop, context)


def _check_expression(expression: "Expression") -> None:
    if isinstance(expression, RangeLiteral):
        raise Refused(expression.token.start_index, "range", "Ranges of numbers cannot be used.")
    if isinstance(expression, LoopExpression) and not isinstance(expression.iterable, Path):
        raise Refused(expression.token.start_index, "bad_loop", "A loop goes over a field that holds a list.")
    if isinstance(expression, Path) and any(isinstance(part, Path) for part in expression.path):
        raise Refused(expression.token.start_index, "bad_field", "A field's name cannot stand in brackets.")
    for child in expression.children():
        _check_expression(child)
