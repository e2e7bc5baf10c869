"""Text edge cases: what each kind does to known words, and what holds for any text."""

import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.edge_kinds import text
from validate.edge_kinds.kind import NoOptions, Request

STORY = "Mary said the labor costs of 12 firms will not rise, and two others have agreed to sell 7 tons of corn."
NAMES = sorted(text.KINDS)


def changed(name, story, severity, seed=0):
    kind = text.KINDS[name]
    frame = pd.DataFrame({"text": [story], "other": ["left alone"]})
    request = Request(columns=("text",), options=NoOptions(), named={}, data=frame)
    made = kind.make(frame.copy(), severity, np.random.default_rng(seed), request)
    assert made["other"].tolist() == ["left alone"]
    return made["text"][0]


@pytest.mark.parametrize(
    ("name", "severity", "found"),
    [
        ("case", 1, STORY.lower()),
        ("case", 5, STORY.upper()),
        ("negation", 1, STORY.replace("will not", "will")),
        ("negation", 2, STORY.replace("will not", "will").replace("have agreed", "have not agreed")),
        ("number-words", 5, STORY.replace("12", "twelve").replace("two", "2").replace("7", "seven")),
        ("truncation", 3, "Mary said the labor costs of"),
        ("truncation", 5, "Mary"),
        ("long-input", 1, f"{STORY}\n{STORY}"),
        ("blank", 4, "…"),
        ("blank", 5, ""),
    ],
)
def test_what_is_done_to_a_known_story(name, severity, found):
    assert changed(name, STORY, severity) == found


def test_dialect_swaps_every_word_of_its_list_at_the_highest_severity():
    made = changed("dialect", STORY, 5)
    assert ("labour" in made, "tonnes" in made, "maize" in made, " n two" in made) == (True,) * 4


def test_a_name_becomes_one_of_another_community_with_the_same_use_and_case():
    names = text.lists()["names"]["women"]
    for seed in range(20):
        first = changed("name-swap", STORY, 5, seed).split()[0]
        community = next(c for c, known in names.items() if first.lower() in known)
        assert community != "english"
        assert first[0].isupper()


def test_speech_has_neither_capitals_nor_punctuation():
    made = changed("speech", STORY, 1)
    assert made == made.lower()
    assert not text.PUNCTUATION.search(made)


def test_look_alikes_look_alike_and_are_other_characters():
    for latin, other in text.lists()["homoglyphs"].items():
        assert latin != other
        assert latin.isascii()
        assert not other.isascii()


@pytest.mark.parametrize("name", ["typos", "ocr", "homoglyphs", "accents", "punctuation", "speech", "dialect"])
def test_a_higher_severity_changes_more(name):
    story = " ".join([STORY] * 40)
    words = Counter(story.lower().split())
    same = [(words & Counter(changed(name, story, s).lower().split())).total() for s in (1, 3, 5)]
    assert same[0] > same[1] > same[2]


@pytest.mark.parametrize("name", NAMES)
@given(story=st.text(max_size=60), severity=st.integers(1, 5), seed=st.integers(0, 99))
def test_any_text_becomes_a_text_and_the_same_one_each_time(name, story, severity, seed):
    made = changed(name, story, severity, seed)
    assert isinstance(made, str)
    assert made == changed(name, story, severity, seed)
    assert len(made) <= text.LONGEST + len(story)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_text_stays_missing(name):
    assert changed(name, None, 5) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_text_of_a_megabyte_is_done_in_reasonable_time(name):
    story = STORY * 10_000
    begun = time.perf_counter()
    changed(name, story, 5)
    assert time.perf_counter() - begun < 60  # seconds would be slow; minutes mean that the work grows with its square


def test_every_word_of_a_list_has_one_place():
    for name in ("homophones", "dialect"):
        words = [word for row in text.lists()[name]["rows"] for word in row]
        assert len(words) == len(set(words)), name
    for use in text.lists()["names"].values():
        names = [name for known in use.values() for name in known]
        assert len(names) == len(set(names))
