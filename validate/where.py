"""The `where` language: text becomes a tree of a few kinds of node, or an error that names the offending piece.

Python's own parser reads the text, and only what is listed here is taken from its result: nothing is ever executed.
"""

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from validate.errors import SuiteError

MAX_LENGTH = 2000  # characters of a predicate
MAX_DEPTH = 50  # operations inside each other

Arithmetical = Literal["+", "-", "*", "/"]
Comparing = Literal["==", "!=", "<", "<=", ">", ">="]
TextMethod = Literal["contains", "startswith", "lower"]


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a column."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the predicate."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A number made of two numbers."""

    operator: Arithmetical
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values of one kind, compared."""

    operator: Comparing
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Among:
    """A value that equals one of several constants."""

    subject: "Node"
    constants: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """The only way to select what is missing."""

    subject: "Node"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of text; literal, no regular expressions."""

    name: TextMethod
    subject: "Node"
    argument: str  # "" for lower


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition; of the unknown, unknown."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """Conditions joined by one word."""

    word: Literal["and", "or"]
    operands: tuple["Node", ...]


Node = Column | Constant | Arithmetic | Compare | Among | Missing | Method | Not | Logic


def read(source: str, place: str) -> Node:
    """The tree of a predicate.

    Raises:
        SuiteError: what stands there is too long, too deep, or not in the language.
    """
    if len(source) > MAX_LENGTH:
        raise SuiteError(
            place, f"a predicate has at most {MAX_LENGTH:,} characters", f"{source[:40]}… of {len(source):,}"
        )
    if not source.strip():
        raise SuiteError(place, "a predicate must not be empty", source)
    reader = _Reader(source, place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python only warns of an unknown escape
            tree = ast.parse(reader.text, mode="eval").body
    except (RecursionError, MemoryError):
        raise SuiteError(place, "the predicate is nested too deeply", source) from None
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it holds a character that cannot be read"
        raise SuiteError(place, f"the predicate cannot be read: {reader.restored(reason)}", source) from None
    return reader.node(tree, 0)


def columns_of(node: Node) -> Iterator[str]:
    """The names of the columns that a tree reads, each as often as it is read."""
    match node:
        case Column(name):
            yield name
        case Constant():
            pass
        case Arithmetic(_, left, right) | Compare(_, left, right):
            yield from columns_of(left)
            yield from columns_of(right)
        case Logic(_, operands):
            for operand in operands:
                yield from columns_of(operand)
        case Among(subject) | Missing(subject) | Method(_, subject) | Not(subject):
            yield from columns_of(subject)


_ARITHMETIC: dict[type[ast.operator], Arithmetical] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARING: dict[type[ast.cmpop], Comparing] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_METHODS: dict[str, tuple[TextMethod, int]] = {
    "contains": ("contains", 1),
    "startswith": ("startswith", 1),
    "lower": ("lower", 0),
}
_INSTEAD: dict[type[ast.AST], str] = {
    ast.Call: "the only calls are .contains('…'), .startswith('…') and .lower()",
    ast.Attribute: "there are no attributes; a column name with a dot goes between backticks",
    ast.BinOp: "the only arithmetic is + - * /, and conditions are joined by `and`, `or`",
    ast.UnaryOp: "the only signs are `not` and -",
    ast.Constant: "the only constants are numbers, text, True and False; what is missing is found with `is None`",
    ast.List: "a list stands only after `in` or `not in`",
    ast.Tuple: "several values are written as a list, [a, b]",
}
_TOKEN = re.compile(
    r"""
    (?P<triple>'{3}|"{3})
    | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    | `(?P<name>(?:``|[^`])*)`
    | (?P<assign>(?<![=!<>:])=(?!=))
    | (?P<comment>\#)
    | (?P<space>\s+)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Reader:
    """One predicate on its way from text to tree."""

    def __init__(self, source: str, place: str) -> None:
        self.source = source
        self.place = place
        self.names: dict[str, str] = {}  # stand-in → the column name that was between backticks
        self.prefix = "column_"
        while self.prefix in unicodedata.normalize("NFKC", source):  # as Python reads names
            self.prefix += "_"
        self.text = _TOKEN.sub(self._token, source).strip()  # the names between backticks replaced by stand-ins

    def _token(self, match: re.Match[str]) -> str:
        match match.lastgroup:
            case "name":
                stand_in = f"{self.prefix}{len(self.names)}_"
                self.names[stand_in] = match["name"].replace("``", "`")
                return f" {stand_in} "
            case "space":
                return " "
            case "assign":
                raise SuiteError(self.place, "equality is written ==", self.source)
            case "comment" | "triple":
                raise SuiteError(self.place, f"there is no {match[0]} in a predicate", self.source)
        return match[0]

    def restored(self, text: str) -> str:
        """The text as the user wrote it."""
        for stand_in, name in self.names.items():
            written = "`" + name.replace("`", "``") + "`"
            text = text.replace(f" {stand_in} ", written).replace(stand_in, written)
        return text

    def _refusal(self, piece: ast.AST, rule: str | None = None) -> SuiteError:
        found = self.restored(ast.get_source_segment(self.text, piece) or self.text)
        rule = rule or _INSTEAD.get(type(piece), "this is not part of the predicate language")
        return SuiteError(self.place, rule, found)

    def node(self, piece: ast.expr, depth: int) -> Node:  # noqa: PLR0911 one case per kind of node
        if depth > MAX_DEPTH:
            raise SuiteError(
                self.place, f"a predicate has at most {MAX_DEPTH} operations inside each other", self.source
            )
        match piece:
            case ast.Name(id=name):
                return Column(self.names.get(name, name))
            case ast.Constant(value=bool() | int() | float() | str()):
                return self._constant(piece)
            case ast.BoolOp(op=op, values=values):
                word: Literal["and", "or"] = "and" if isinstance(op, ast.And) else "or"
                return Logic(word, tuple(self.node(value, depth + 1) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.node(operand, depth + 1))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self.node(operand, depth + 1))
            case ast.BinOp(op=operator, left=left, right=right) if type(operator) in _ARITHMETIC:
                return Arithmetic(_ARITHMETIC[type(operator)], self.node(left, depth + 1), self.node(right, depth + 1))
            case ast.Compare():
                return self._comparison(piece, depth)
            case ast.Call(func=ast.Attribute(value=subject, attr=name), args=args, keywords=[]) if name in _METHODS:
                return self._method(piece, name, subject, args, depth)
        raise self._refusal(piece)

    def _constant(self, piece: ast.expr) -> Constant:
        value = piece.value if isinstance(piece, ast.Constant) else None
        if isinstance(value, (bool, float, str)):
            return Constant(value)
        if not isinstance(value, int):
            raise self._refusal(piece)
        try:
            return Constant(value if abs(value) < 2**64 else float(value))
        except OverflowError:
            raise self._refusal(piece, "the number is too large") from None

    def _negative(self, operand: Node) -> Node:
        if isinstance(operand, Constant) and not isinstance(operand.value, (bool, str)):
            return Constant(-operand.value)
        return Arithmetic("-", Constant(0), operand)

    def _comparison(self, piece: ast.Compare, depth: int) -> Node:
        """A chain `a < b < c` is `a < b and b < c`."""
        subjects = [piece.left, *piece.comparators[:-1]]
        pairs = [
            self._pair(left, operator, right, depth + 1)
            for left, operator, right in zip(subjects, piece.ops, piece.comparators, strict=True)
        ]
        return pairs[0] if len(pairs) == 1 else Logic("and", tuple(pairs))

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Node:
        subject = self.node(left, depth)
        if type(operator) in _COMPARING:
            return Compare(_COMPARING[type(operator)], subject, self.node(right, depth))
        if isinstance(operator, (ast.In, ast.NotIn)):
            if not isinstance(right, ast.List) or not right.elts:
                raise self._refusal(right, "`in` needs a list of values, as in ['a', 'b']")
            among = Among(subject, tuple(self._element(element) for element in right.elts))
            return among if isinstance(operator, ast.In) else Not(among)
        if not isinstance(right, ast.Constant) or right.value is not None:
            raise self._refusal(right, "`is` is only followed by None or not None")
        return Missing(subject) if isinstance(operator, ast.Is) else Not(Missing(subject))

    def _element(self, piece: ast.expr) -> Constant:
        element = self.node(piece, 0)
        if not isinstance(element, Constant):
            raise self._refusal(piece, "a list holds only numbers, text, True and False")
        return element

    def _method(self, piece: ast.Call, name: str, subject: ast.expr, args: list[ast.expr], depth: int) -> Method:
        method, expected = _METHODS[name]
        if len(args) != expected or not all(isinstance(a, ast.Constant) and isinstance(a.value, str) for a in args):
            raise self._refusal(piece, f".{name}() takes {'a text' if expected else 'nothing'} between its brackets")
        argument = str(args[0].value) if args and isinstance(args[0], ast.Constant) else ""
        return Method(method, self.node(subject, depth + 1), argument)
