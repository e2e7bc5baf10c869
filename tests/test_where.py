"""The `where` language: what it reads, and what it refuses with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.errors import SuiteError
from validate.where import MAX_LENGTH, Among, Arithmetic, Column, Compare, Constant, Logic, Method, Missing, Not, read

PLACE = "suite.toml: slices[0].where"
AGE, RACE = Column("age"), Column("race")


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("age >= 60", Compare(">=", AGE, Constant(60))),
        ("age", AGE),
        ("not age == 1.5", Not(Compare("==", AGE, Constant(1.5)))),
        ("18 <= age < 30", Logic("and", (Compare("<=", Constant(18), AGE), Compare("<", AGE, Constant(30))))),
        ("age in [-1, 2]", Among(AGE, (Constant(-1), Constant(2)))),
        ("race not in ['a']", Not(Among(RACE, (Constant("a"),)))),
        ("race is None", Missing(RACE)),
        ("race is not None", Not(Missing(RACE))),
        ("age + 2 * 3", Arithmetic("+", AGE, Arithmetic("*", Constant(2), Constant(3)))),
        ("-age", Arithmetic("-", Constant(0), AGE)),
        ("race.lower().contains('x')", Method("contains", Method("lower", RACE, ""), "x")),
        ("race.startswith('x') or age", Logic("or", (Method("startswith", RACE, "x"), AGE))),
        ("  age\n  and\tTrue ", Logic("and", (AGE, Constant(value=True)))),
        ("`years of age` == 1", Compare("==", Column("years of age"), Constant(1))),
        ("`a``b`", Column("a`b")),
        ("``", Column("")),
        ("````", Column("`")),
        ("`two\nlines`", Column("two\nlines")),
        ("`it's` == 'x'", Compare("==", Column("it's"), Constant("x"))),
        ("race == '`age`'", Compare("==", RACE, Constant("`age`"))),
        (r"race == 'it\'s' ", Compare("==", RACE, Constant("it's"))),
        (r'race == "tab\t"', Compare("==", RACE, Constant("tab\t"))),
        ("column_0_ == `x`", Compare("==", Column("column_0_"), Column("x"))),
        ("age == 18446744073709551615", Compare("==", AGE, Constant(2**64 - 1))),
        ("age < 1e999", Compare("<", AGE, Constant(float("inf")))),
        ("(" * 100 + "age" + ")" * 100, AGE),
    ],
)
def test_reads(source, tree):
    assert read(source, PLACE) == tree


CALLS = "the only calls are .contains('…'), .startswith('…') and .lower()"
ATTRIBUTES = "there are no attributes; a column name with a dot goes between backticks"
ARITHMETIC = "the only arithmetic is + - * /, and conditions are joined by `and`, `or`"
CONSTANTS = "the only constants are numbers, text, True and False; what is missing is found with `is None`"
FOREIGN = "this is not part of the predicate language"
DEPTH = "a predicate has at most 50 operations inside each other"


@pytest.mark.parametrize(
    ("source", "rule", "found"),
    [
        ("__import__('os').system('x')", CALLS, "__import__('os').system('x')"),
        ("age > 1 and print(`a b`)", CALLS, "print(`a b`)"),
        ("race.upper() == 'X'", CALLS, "race.upper()"),
        ("race.contains(x='a')", "equality is written ==", None),
        ("race.contains(age)", ".contains() takes a text between its brackets", "race.contains(age)"),
        ("race.lower('a')", ".lower() takes nothing between its brackets", "race.lower('a')"),
        ("age.__class__ == 1", ATTRIBUTES, "age.__class__"),
        ("race.lower == 'x'", ATTRIBUTES, "race.lower"),
        ("age @ 2", ARITHMETIC, "age @ 2"),
        ("age ** 9999999999 > 1", ARITHMETIC, "age ** 9999999999"),
        ("9 ** 9 ** 9 ** 9 > age", ARITHMETIC, "9 ** 9 ** 9 ** 9"),
        ("age & 1", ARITHMETIC, "age & 1"),
        ("age // 2 > 1", ARITHMETIC, "age // 2"),
        ("~age", "the only signs are `not` and -", "~age"),
        ("lambda: 1", FOREIGN, "lambda: 1"),
        ("(age := 3) > 2", FOREIGN, "age := 3"),
        ("f'{age}' == 'x'", FOREIGN, "f'{age}'"),
        ("[x for x in age]", FOREIGN, "[x for x in age]"),
        ("1 if age else 2", FOREIGN, "1 if age else 2"),
        ("age[0] > 1", FOREIGN, "age[0]"),
        ("{'age'} == 1", FOREIGN, "{'age'}"),
        ("race == None", CONSTANTS, "None"),
        ("race == b'x'", CONSTANTS, "b'x'"),
        ("age == 1j", CONSTANTS, "1j"),
        ("age == ...", CONSTANTS, "..."),
        ("['a'] == race", "a list stands only after `in` or `not in`", "['a']"),
        ("age == (1, 2)", "several values are written as a list, [a, b]", "(1, 2)"),
        ("race in 'abc'", "`in` needs a list of values, as in ['a', 'b']", "'abc'"),
        ("race in []", "`in` needs a list of values, as in ['a', 'b']", "[]"),
        ("race in [`a b`]", "a list holds only numbers, text, True and False", "`a b`"),
        ("age is 3", "`is` is only followed by None or not None", "3"),
        ("age = 3", "equality is written ==", None),
        ("age > 1 # adults", "there is no # in a predicate", None),
        ("race == '''a'''", "there is no ''' in a predicate", None),
        ("9" * 400 + " > age", "the number is too large", "9" * 400),
        ("not " * 400 + "age", DEPTH, None),
        ("-" * 1500 + "age", DEPTH, None),
        ("age" + "+1" * 900, DEPTH, None),
        ("", "a predicate must not be empty", None),
        (" \n", "a predicate must not be empty", None),
        ("(" * 1000, "the predicate cannot be read: too many nested parentheses", None),
        ("age >", "the predicate cannot be read: invalid syntax", None),
        ("age > 1; age", "the predicate cannot be read: invalid syntax", None),
        ("a`b`", "the predicate cannot be read: invalid syntax", None),
        ("`age > 1", "the predicate cannot be read: invalid syntax", None),
        (r"race == 'a\d'", r"the predicate cannot be read: invalid escape sequence '\d'", None),
    ],
)
def test_refuses(source, rule, found):
    with pytest.raises(SuiteError) as caught:
        read(source, PLACE)
    assert (caught.value.place, caught.value.exit_code) == (PLACE, 2)
    assert caught.value.rule == rule or (rule.endswith("invalid syntax") and caught.value.rule.startswith(rule))
    assert caught.value.value == (source if found is None else found)


@pytest.mark.parametrize(
    "source", ["\0", "race == '\udc80'", "x" * (MAX_LENGTH + 1), "(" * 5000, "[" * 1999, "a if b else " * 160]
)
def test_refuses_noise_in_one_line(source):
    with pytest.raises(SuiteError) as caught:
        read(source, PLACE)
    assert str(caught.value).startswith(f"{PLACE}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_brackets_by_the_thousand_are_counted_not_parsed():
    with pytest.raises(SuiteError, match="a predicate has at most 2,000 characters") as caught:
        read("(" * 5000, PLACE)
    assert "of 5,000" in str(caught.value)


NOISE = (
    """age `a b` ( ) [ ] , . == != < <= and or not in is None True 'x' "y" 1 2.5 + - * / ** @ lambda : = # \\ ` ' { """
    """} ; é \u202e if else await f' 0x1 1e9 := ... __import__ contains( lower()"""
)


@given(st.lists(st.sampled_from(NOISE.split()), max_size=10), st.sampled_from(["", " ", "\n"]))
def test_whatever_stands_there_is_read_or_refused_in_one_line(tokens, between):
    said = "a predicate"
    try:
        read(between.join(tokens), PLACE)
    except SuiteError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
