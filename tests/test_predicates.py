"""Predicates on frames: against a row-by-row reference, and with every kind of column that a table may bring."""

import datetime
import decimal
import operator
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.errors import SuiteError
from validate.predicates import check, equals, evaluate, kinds, parse, quote_column

PLACE = "suite.toml: slices[0].where"


def select(frame, source):
    selected = evaluate(parse(source, PLACE), frame)
    assert selected.dtype == np.bool_
    return np.flatnonzero(selected).tolist()


@pytest.fixture
def frame():
    day = [datetime.date(2020, 1, 1), None, datetime.date(2021, 6, 1), datetime.date(2022, 2, 2)]
    naive = pd.Series(pd.to_datetime(day))
    return pd.DataFrame(
        {
            "n": [1, 2, 3, 4],
            "age": [10.0, 20.0, None, 40.0],
            "big": pd.array([1, None, 2**53 + 1, 4], dtype="Int64"),
            "huge": np.array([1, 2**63, 2**64 - 1, 4], dtype=np.uint64),
            "ids": pd.Series([1, None, 2**53 + 1, 4], dtype=object),
            "money": [decimal.Decimal("1.5"), None, decimal.Decimal(2), decimal.Decimal(3)],
            "race": ["White", None, "Black", "O`Neil's"],
            "words": pd.Series(["a", None, "B", "ab"], dtype=object),
            "arrow": pd.array(["a", None, "b", "c"], dtype="string[pyarrow]"),
            "level": pd.Categorical(["low", None, "high", "low"], categories=["low", "high"], ordered=True),
            "code": pd.Categorical([1, None, 2, 1]),
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "said": [True, None, False, True],
            "sure": [True, True, False, False],
            "day": day,
            "moment": naive,
            "oslo": naive.dt.tz_localize("Europe/Oslo"),
            "mixed": [1, "a", None, 3.0],
            "lapse": pd.to_timedelta([1, 2, 3, 4]),
            "nothing": [None] * 4,
            "two words": [1, 2, 3, 4],
        }
    )


def test_kinds(frame):
    assert kinds(frame) == {
        **dict.fromkeys(("n", "age", "big", "huge", "ids", "money", "code", "two words"), "number"),
        **dict.fromkeys(("race", "words", "arrow", "level", "nothing"), "text"),
        **dict.fromkeys(("flag", "said", "sure"), "boolean"),
        **dict.fromkeys(("day", "moment", "oslo"), "time"),
        **dict.fromkeys(("mixed", "lapse"), "other"),
    }


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("age > 15", [1, 3]),
        ("not age > 15", [0]),
        ("age != 20", [0, 3]),
        ("age not in [20]", [0, 3]),
        ("age is None", [2]),
        ("age is not None", [0, 1, 3]),
        ("15 <= age < 40", [1]),
        ("age > n * 10", []),
        ("n / (n - 1) > 1", [1, 2, 3]),
        ("not n / (n - 1) > 1", []),
        ("n / (n - 1) is None", [0]),
        ("-n < -2", [2, 3]),
        ("big == 9007199254740993", [2]),
        ("big == 9007199254740992", []),
        ("ids == 9007199254740993", [2]),
        ("huge == 18446744073709551615", [2]),
        ("huge > -1", [0, 1, 2, 3]),
        ("huge > n", [1, 2]),
        ("n < 18446744073709551615", [0, 1, 2, 3]),
        ("money * 2 > 3.5", [2, 3]),
        ("code != 1", [2]),
        ("code + 1 == 2", [0, 3]),
        ("race == 'White' or age > 30", [0, 3]),
        ("race == 'Black' or age > 30", [2, 3]),
        ("race != 'White' and age > 0", [3]),
        ("race.contains('`') and race.contains(\"'\")", [3]),
        ("race.contains('.')", []),
        ("race < 'P'", [2, 3]),
        ("words.lower() == 'b'", [2]),
        ("words in ['a', 'B']", [0, 2]),
        ("not words.startswith('a')", [2]),
        ("arrow >= 'b'", [2, 3]),
        ("level > 'high'", [0, 3]),  # as text, not in the order of the categories
        ("flag", [0, 3]),
        ("not flag", [2]),
        ("flag == False", [2]),
        ("said and sure", [0]),
        ("said == sure", [0, 2]),
        ("sure == (n > 2)", []),
        ("day > '2020-01-01'", [2, 3]),
        ("moment in ['2021-06-01', '2022-02-02T00:00:00']", [2, 3]),
        ("'2021-06-01T01:00:00+01:00' == moment", [2]),
        ("oslo < '2020-01-01'", [0]),  # midnight in Oslo is the evening before in UTC
        ("oslo < moment", [0, 2, 3]),
        ("day == moment", [0, 2, 3]),
        ("mixed is None", [2]),
        ("lapse is not None", [0, 1, 2, 3]),
        ("nothing == 'x' or nothing != 'x'", []),
        ("`two words` == 2", [1]),
    ],
)
def test_evaluates(frame, source, rows):
    assert select(frame, source) == rows


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("agee > 1", "unknown column; did you mean 'age'? (found 'agee')"),
        ("zzz > 1", "unknown column (found 'zzz')"),
        ("age > 'x'", "column 'age' (number) and 'x' (text) cannot be compared (found \"age > 'x'\")"),
        ("race > 1", "column 'race' (text) and 1 (number) cannot be compared (found 'race > 1')"),
        ("race in ['a', 1]", "column 'race' (text) and 1 (number) cannot be compared (found \"race in ['a', 1]\")"),
        ("flag == 1", "column 'flag' (boolean) and 1 (number) cannot be compared (found 'flag == 1')"),
        ("flag < True", "column 'flag' (boolean) has no order (found 'flag < True')"),
        ("moment > 3", "column 'moment' (time) and 3 (number) cannot be compared (found 'moment > 3')"),
        (
            "moment > 'soon'",
            "a time is compared with an ISO date such as '2026-03-31', and 'soon' is none (found \"moment > 'soon'\")",
        ),
        (
            "moment < '9999-12-31T23:00-05:00'",
            "a time is compared with an ISO date such as '2026-03-31', and '9999-12-31T23:00-05:00' is none "
            "(found \"moment < '9999-12-31T23:00-05:00'\")",
        ),
        (
            "mixed == 1",
            "column 'mixed' (of mixed or unsupported values) and 1 (number) cannot be compared (found 'mixed == 1')",
        ),
        ("race + 1 > 2", "arithmetic needs numbers, and column 'race' (text) is none (found 'race + 1 > 2')"),
        (
            "age.contains('1')",
            ".contains() is for a column of text, and column 'age' (number) is none (found \"age.contains('1')\")",
        ),
        (
            "'a'.contains('a')",
            ".contains() is for a column of text, and 'a' (text) is none (found \"'a'.contains('a')\")",
        ),
        ("race", "column 'race' (text) is no condition (found 'race')"),
        ("age and sure", "column 'age' (number) is no condition (found 'age and sure')"),
        ("not age + 1", "the number is no condition (found 'not age + 1')"),
        ("True", "True (boolean) is no condition (found 'True')"),
        ("sure or True", "True (boolean) is no condition (found 'sure or True')"),
        ("1 < 2", "constants are not compared with each other; a column's name has no quotes (found '1 < 2')"),
        (
            "'race' == 'a'",
            "constants are not compared with each other; a column's name has no quotes (found \"'race' == 'a'\")",
        ),
        ("'a' is None", "a constant is never missing (found \"'a' is None\")"),
    ],
)
def test_check_refuses(frame, source, message):
    predicate = parse(source, PLACE)
    for refuse in (lambda: check(predicate, kinds(frame)), lambda: evaluate(predicate, frame)):
        with pytest.raises(SuiteError) as caught:
            refuse()
        assert str(caught.value) == f"{PLACE}: {message}"


def test_names_the_columns_it_reads():
    assert parse("b > 1 and not `a b`.contains('c') or b + d in [1]", PLACE).columns == ("b", "a b", "d")


def test_an_empty_frame_selects_nothing():
    frame = pd.DataFrame({"n": pd.Series([], dtype=float), "t": pd.Series([], dtype=object)})
    assert evaluate(parse("n > 1 or t.lower() == 'x' or t is None", PLACE), frame).shape == (0,)


# A condition as text together with a function of one row, which says True, False or None where it is unknown.
A_NUMBER = st.integers(-4, 4) | st.sampled_from([0.5, -1.5, float("inf")])
A_TEXT = st.text(alphabet="abA'\"`\\ \né😀", max_size=3)
NUMBERS, TEXTS = st.none() | A_NUMBER, st.none() | A_TEXT
BOOLEANS = st.none() | st.booleans()
ORDER = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def lifted(function):
    return lambda *values: None if any(value is None for value in values) else function(*values)


def number(value):
    return repr(float(value)).replace("inf", "1e999")


def binary(symbol, function, left, right):
    exact = lifted(function)
    return f"({left[0]} {symbol} {right[0]})", lambda row: exact(left[1](row), right[1](row))


def divided(a, b):
    return None if b == 0 else calculated(operator.truediv)(a, b)


def calculated(function):
    def of(a, b):
        with np.errstate(all="ignore"):
            result = float(function(np.float64(a), np.float64(b)))
        return None if np.isnan(result) else result

    return of


ARITHMETIC_REFERENCE = {
    "+": calculated(operator.add),
    "-": calculated(operator.sub),
    "*": calculated(operator.mul),
    "/": divided,
}


@st.composite
def numeric(draw, depth=2):
    if depth and draw(st.booleans()):
        symbol = draw(st.sampled_from(list(ARITHMETIC_REFERENCE)))
        return binary(symbol, ARITHMETIC_REFERENCE[symbol], draw(numeric(depth - 1)), draw(numeric(depth - 1)))
    name = draw(st.sampled_from(["x", "y"]))
    return name, lambda row: row[name]


SHAPES = ("number", "numbers", "text", "among", "method", "flag", "missing")


@st.composite
def atom(draw, shapes=SHAPES):  # noqa: PLR0911 - one return per shape
    shape = draw(st.sampled_from(shapes))
    symbol = draw(st.sampled_from(list(ORDER)))
    text = draw(A_TEXT)
    if shape == "number":
        value = draw(A_NUMBER)
        return binary(symbol, ORDER[symbol], draw(numeric()), (number(value), lambda row: value))
    if shape == "numbers":
        return binary(symbol, ORDER[symbol], draw(numeric()), draw(numeric()))
    if shape == "text":
        return binary(symbol, ORDER[symbol], ("`a text`", lambda row: row["a text"]), (repr(text), lambda row: text))
    if shape == "among":
        values = draw(st.lists(A_TEXT, min_size=1, max_size=3))
        negated = draw(st.booleans())
        inside = lifted(lambda value: (value in values) != negated)
        return f"(`a text` {'not ' * negated}in {values!r})", lambda row: inside(row["a text"])
    if shape == "method":
        name, method = draw(st.sampled_from([("contains", str.__contains__), ("startswith", str.startswith)]))
        found = lifted(lambda value: method(value.lower(), text))
        return f"`a text`.lower().{name}({text!r})", lambda row: found(row["a text"])
    if shape == "flag":
        return "flag", lambda row: row["flag"]
    name = draw(st.sampled_from(["x", "a text", "flag"]))
    return f"({quote_column(name)} is None)", lambda row: row[name] is None


def kleene_and(left, right):
    return False if False in (left, right) else None if None in (left, right) else True


def kleene_not(value):
    return None if value is None else not value


def conditions(atoms):
    def larger(smaller):
        pairs = st.tuples(smaller, smaller)
        return st.one_of(
            smaller.map(lambda c: (f"(not {c[0]})", lambda row: kleene_not(c[1](row)))),
            pairs.map(lambda p: (f"({p[0][0]} and {p[1][0]})", lambda row: kleene_and(p[0][1](row), p[1][1](row)))),
            pairs.map(
                lambda p: (
                    f"({p[0][0]} or {p[1][0]})",
                    lambda row: kleene_not(kleene_and(kleene_not(p[0][1](row)), kleene_not(p[1][1](row)))),
                )
            ),
        )

    return st.recursive(atoms, larger, max_leaves=5)


@st.composite
def tables(draw):
    """Rows, and the same as a frame in dtypes as they come from files."""
    rows = draw(
        st.lists(
            st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS, "a text": TEXTS, "flag": BOOLEANS}),
            min_size=1,
            max_size=8,
        )
    )
    text = draw(st.sampled_from([object, "str", "category"]))
    flags = draw(st.sampled_from([object, "boolean"]))
    frame = pd.DataFrame(
        {
            "x": pd.Series([row["x"] for row in rows], dtype="float64"),
            "y": pd.Series([row["y"] for row in rows], dtype="Float64"),
            "a text": pd.Series([row["a text"] for row in rows], dtype=object).astype(text),
            "flag": pd.Series([row["flag"] for row in rows], dtype="boolean").astype(flags),
        }
    )
    if flags is object and frame["flag"].isna().all():
        frame["flag"] = frame["flag"].astype("boolean")  # a column without any value is of no kind
    return rows, frame


@settings(deadline=None)
@given(tables(), conditions(atom()))
def test_agrees_with_a_reference_row_by_row(table, condition):
    rows, frame = table
    source, reference = condition
    assert select(frame, source) == [i for i, row in enumerate(rows) if reference(row) is True]


@settings(deadline=None)
@given(tables(), conditions(atom(SHAPES[:-1])))
def test_a_missing_value_is_never_selected(table, condition):
    _, frame = table
    predicate = parse(condition[0], PLACE)
    for name in predicate.columns:
        dtype = "boolean" if name == "flag" else frame[name].dtype
        frame[name] = pd.Series([None] * len(frame), dtype=dtype)
    assert not evaluate(predicate, frame).any()


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_a_written_predicate_reads_back(name, value, other):
    frame = pd.DataFrame({name: pd.Series([value, value + "'", None], dtype=object)})
    assert select(frame, equals(name, value)) == [0]
    assert select(frame, equals(name, None)) == [2]
    assert parse(quote_column(name), PLACE).columns == (name,)
    assert select(pd.DataFrame({name: [other, not other]}), equals(name, other)) == [0]


@given(st.floats(allow_nan=False) | st.integers(-(2**63), 2**64 - 1))
def test_a_written_number_reads_back(value):
    frame = pd.DataFrame({"inf": pd.Series([value])})
    assert select(frame, equals("inf", value)) == [0]
    assert select(frame, equals("inf", frame["inf"].to_numpy()[0])) == [0]


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("Without pay", "`class of worker` == 'Without pay'"),
        ("it's", '`class of worker` == "it\'s"'),
        ("two\nlines", r"`class of worker` == 'two\nlines'"),
        (np.int64(3), "`class of worker` == 3"),
        (np.True_, "`class of worker` == True"),
        (-0.5, "`class of worker` == -0.5"),
        (decimal.Decimal("1.5"), "`class of worker` == 1.5"),
        (datetime.date(2026, 3, 31), "`class of worker` == '2026-03-31'"),
        (np.datetime64("2026-03-31T12:00", "ns"), "`class of worker` == '2026-03-31T12:00:00'"),
        (float("nan"), "`class of worker` is None"),
        (pd.NA, "`class of worker` is None"),
        (pd.NaT, "`class of worker` is None"),
    ],
)
def test_writes_ready_to_paste(value, source):
    assert equals("class of worker", value) == source


def test_python_words_are_quoted():
    assert [quote_column(name) for name in ("age", "and", "a b", "größe", "1st")] == [
        "age",
        "`and`",
        "`a b`",
        "`größe`",
        "`1st`",
    ]


def test_the_reference_page_tells_the_truth():
    page = (Path(__file__).parents[1] / "docs" / "where.md").read_text(encoding="utf-8")
    sources = re.findall(r"^\| (`+) ?(.+?) ?\1 \| ", page, re.MULTILINE)
    assert len(sources) == 14
    people = kinds(
        pd.DataFrame(
            {
                "age": [1],
                "hours": [1],
                "wage": [1.5],
                "sex": [""],
                "job": [""],
                "class of worker": [""],
                "union": [True],
            }
        )
    ) | {"hired": "time"}
    for _, source in sources:
        check(parse(source, "docs/where.md"), people)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code, {})
