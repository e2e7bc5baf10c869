"""The suite file: what it may say, and the words in which every mistake is refused."""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from validate.errors import DataError, SuiteError
from validate.suite import KNOWN_METRICS, SCORE_METRICS, Discover, Family, NamedSlice, RecordedModel, TorchModel
from validate.suite_claims import Claim
from validate.suite_file import MAX_BYTES, load_statements, load_suite, policy_sha256, schema

GOOD = """\
suite = "leaves"
seed = 7

[release]
statements = "statements.toml"

[data]
path = "data.csv"
label = "leaf"
classes = ["healthy", "rust"]

[models]
inputs = "models.py:inputs"
outputs = "logits"

[models.dense]
torch = "models.py:build"
weights = "dense.safetensors"

[models.compressed.int8]
recorded = "int8.csv"

[[slices]]
by = ["crop", "years of age"]
cross = 2
bins."years of age" = [1, 2.5]
guard = ["corn"]

[[slices]]
name = "young corn"
where = "crop == 'corn' and `years of age` < 1"
guard = true
margin = 0.05

[gate]
margin = 0.02
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        (tmp_path / "suite.toml").write_text(text, encoding="utf-8", newline="\n")
        return load_suite(tmp_path)

    return load


def changed(old, new):
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_loads(load, tmp_path):
    loaded = load(GOOD)
    suite = loaded.suite
    assert (suite.suite, suite.task, suite.seed, suite.gate.margin) == ("leaves", "classification", 7, 0.02)
    assert suite.models.dense == TorchModel(torch="models.py:build", weights="dense.safetensors")
    assert suite.models.compressed == {"int8": RecordedModel(recorded="int8.csv")}
    assert suite.slices == (
        Family(by=("crop", "years of age"), cross=2, bins={"years of age": (1.0, 2.5)}, guard=("corn",)),
        NamedSlice(name="young corn", where="crop == 'corn' and `years of age` < 1", guard=True, margin=0.05),
    )
    assert (loaded.path, loaded.folder) == (tmp_path / "suite.toml", tmp_path)
    assert loaded == load_suite(str(tmp_path / "suite.toml"))


def test_a_file_of_the_cache_is_found_there_or_said_to_be_missing(load, tmp_path, monkeypatch):
    monkeypatch.setenv("PARITYGATE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "fetch.py").touch()
    loaded = load(GOOD)
    kept = tmp_path / "cache" / tmp_path.name / "data.csv"
    assert loaded.file("data.csv") == tmp_path / "data.csv"
    with pytest.raises(DataError, match=r"cache:data.csv: is not in .* yet; make it with python .*fetch\.py"):
        loaded.file("cache:data.csv")
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert loaded.file("cache:data.csv") == loaded.place("cache:data.csv") == kept


def test_a_byte_order_mark_and_windows_line_ends_are_read(load, tmp_path):
    load(GOOD)
    (tmp_path / "suite.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_suite(tmp_path).suite.suite == "leaves"


KIND = "a slice is a table with either `by` (one slice per value) or `where` (a predicate)"
CALLS = "the only calls are .contains('…'), .startswith('…') and .lower()"
ARITHMETIC = "the only arithmetic is + - * /, and conditions are joined by `and`, `or`"
COUNTING = "counts right and wrong answers, and needs the metric accuracy"
PATTERN = "must begin with a letter or digit, and hold only letters, digits, _ - and ."
TAKEN = "this name is taken: a model's name becomes a folder of the evidence"
HOOK = "must be 'file.py:function', in the suite's own folder"
GATE, SLICE = "[gate]\nmargin = 0.02", "where = \"crop == 'corn' and `years of age` < 1\""
INT8, WHERE = "[models.compressed.int8]", "slices[1].where"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # keys and types
        ("margin = 0.02", "margn = 0.02", "gate.margn: unknown key; did you mean 'margin'?"),
        ("[gate]", "[gaet]", "gaet: unknown key; did you mean 'gate'?"),
        ("seed = 7", "", "seed: is required"),
        ("seed = 7", "seed = 7.5", "seed: must be a whole number (found 7.5)"),
        ("seed = 7", "seed = -1", "seed: must be at least 0 (found -1)"),
        (
            "seed = 7",
            "seed = 7\ntask = 'regresion'",
            "task: must be 'classification' or 'regression' (found 'regresion')",
        ),
        ("seed = 7", "seed = 4294967296", "seed: must be at most 4294967295 (found 4294967296)"),
        ('"leaves"', "5", "suite: must be text (found 5)"),
        ('"leaves"', '"../leaves"', f"suite: {PATTERN} (found '../leaves')"),
        ('label = "leaf"', 'label = ""', "data.label: must not be empty (found '')"),
        ('["healthy", "rust"]', '["healthy", true]', "data.classes[1]: must be text or a whole number (found True)"),
        ('guard = ["corn"]', "guard = 1", "slices[0].guard: must be true or false or a list (found 1)"),
        ('guard = ["corn"]', "guard = [1]", "slices[0].guard[0]: must be text (found 1)"),
        ("guard = true", "guard = 'yes'", "slices[1].guard: must be true or false (found 'yes')"),
        # margins
        ("margin = 0.02", "margin = 0", "gate.margin: must be more than 0 (found 0)"),
        ("margin = 0.02", "margin = 1", "gate.margin: must be less than 1 (found 1.0)"),
        ("margin = 0.02", "margin = -0.1", "gate.margin: must be more than 0 (found -0.1)"),
        ("margin = 0.02", "margin = nan", "gate.margin: must be a finite number (found nan)"),
        ("margin = 0.02", "margin = inf", "gate.margin: must be a finite number (found inf)"),
        ("margin = 0.02", 'margin = "much"', "gate.margin: must be a number (found 'much')"),
        ("margin = 0.02", "margin = true", "gate.margin: must be a number (found True)"),
        ("margin = 0.05", "margin = 1.0", "slices[1].margin: must be less than 1 (found 1.0)"),
        ("margin = 0.05", "margin = 0.0", "slices[1].margin: must be more than 0 (found 0.0)"),
        (GATE, "[gate]\nclass_margin = 1", "gate.class_margin: must be less than 1 (found 1)"),
        (GATE, "[gate]\ndisparity_margin = 2", "gate.disparity_margin: must be less than 1 (found 2.0)"),
        (GATE, "[gate]\nmargin_ratio = 1", "gate.margin_ratio: must be more than 1 (found 1)"),
        (
            GATE,
            "[gate]\nmargin_ratio = 2\nmetric = 'f1'",
            f"gate.margin_ratio: {COUNTING} (found 2.0)",
        ),
        (GATE, "[gate]\nexact = true\nmetric = 'f1'", f"gate.exact: {COUNTING} (found True)"),
        (GATE, "[gate]\nscreen = 'melded'\nmetric = 'auc'", f"gate.screen: {COUNTING} (found 'melded')"),
        # the rest of the policy
        (GATE, "[gate]\nconfidence = 95", "gate.confidence: must be less than 1 (found 95)"),
        (GATE, "[gate]\nconfidence = 0.5", "gate.confidence: must be more than 0.5 (found 0.5)"),
        (GATE, "[gate]\nunder_represented = 1.0", "gate.under_represented: must be less than 1 (found 1.0)"),
        (GATE, "[gate]\nflips = 99", "gate.flips: must be at least 100 (found 99)"),
        (GATE, "[gate]\nattempts = 0", "gate.attempts: must be at least 1 (found 0)"),
        (GATE, "[gate]\ninconclusive = 'pass'", "gate.inconclusive: must be 'block' or 'note' (found 'pass')"),
        (GATE, "[gate]\nscreen = 'none'", "gate.screen: must be 'holm', 'westfall-young' or 'melded' (found 'none')"),
        (
            GATE,
            "[gate]\nmetric = 'acuracy'",
            "gate.metric: must be one of accuracy, brier, log_loss, f1, auc, ece for a classification; "
            "did you mean 'accuracy'? (found 'acuracy')",
        ),
        # models
        (INT8, '[models.compressed."a/b"]', f"models.compressed.\"a/b\": {PATTERN} (found 'a/b')"),
        (INT8, '[models.compressed.".."]', f"models.compressed.\"..\": {PATTERN} (found '..')"),
        (INT8, '[models.compressed.""]', f"models.compressed.\"\": {PATTERN} (found '')"),
        (INT8, "[models.compressed.Dense]", f"models.compressed.Dense: {TAKEN} (found 'Dense')"),
        (
            INT8,
            '[models.compressed."report.html"]',
            f"models.compressed.\"report.html\": {TAKEN} (found 'report.html')",
        ),
        (INT8, '[models.compressed."int8."]', f"models.compressed.\"int8.\": {TAKEN} (found 'int8.')"),
        (INT8, '[models.compressed."nul.1"]', f"models.compressed.\"nul.1\": {TAKEN} (found 'nul.1')"),
        (
            'recorded = "int8.csv"',
            "",
            "models.compressed.int8: a model is a table with exactly one of the keys torch, torchscript, exported, onnx, sklearn, transformers, recorded, kind (found {})",
        ),
        (
            'recorded = "int8.csv"',
            'recordd = "int8.csv"',
            "models.compressed.int8: a model is a table with exactly one of the keys torch, torchscript, exported, onnx, sklearn, transformers, recorded, kind; "
            "did you mean 'recorded'? (found {'recordd': 'int8.csv'})",
        ),
        ('recorded = "int8.csv"', 'recorded = "a.csv"\nweigths = "b"', "models.compressed.int8.weigths: unknown key"),
        ('torch = "models.py:build"', 'torch = "../m.py:build"', f"models.dense.torch: {HOOK} (found '../m.py:build')"),
        ('torch = "models.py:build"', 'torch = "/m.py:build"', f"models.dense.torch: {HOOK} (found '/m.py:build')"),
        ('torch = "models.py:build"', 'torch = "models.build"', f"models.dense.torch: {HOOK} (found 'models.build')"),
        (
            'torch = "models.py:build"',
            'torch = "a/../../m.py:f"',
            f"models.dense.torch: {HOOK} (found 'a/../../m.py:f')",
        ),
        ('weights = "dense', 'weihgts = "dense', "models.dense.weihgts: unknown key; did you mean 'weights'?"),
        ('inputs = "models.py:inputs"', "", "models.inputs: torch models need a function that makes their inputs"),
        (
            'outputs = "logits"',
            'outputs = "value"',
            "models.outputs: must be logits, probabilities or labels for a classification (found 'value')",
        ),
        # data
        ('path = "data.csv"', "", "data: exactly one of the keys path, python is needed"),
        (
            'path = "data.csv"',
            'path = "a.csv"\npython = "a.py:b"',
            "data: exactly one of the keys path, python is needed (found 'a.csv')",
        ),
        (
            'path = "data.csv"',
            'path = "a.csv"\nid = "leaf"',
            "data.label: the label is neither the id nor the cluster (found 'leaf')",
        ),
        ('["healthy", "rust"]', '["rust"]', "data.classes: a classification has at least two classes (found ['rust'])"),
        ('["healthy", "rust"]', '[1, "1"]', "data.classes: classes must differ (found '1')"),
        (
            'label = "leaf"',
            'label = "leaf"\ncolumns = [{ name = "leaf", python = "c.py:f" }]',
            "data.label: this column comes from the data, not from a function (found 'leaf')",
        ),
        (
            'label = "leaf"',
            'label = "leaf"\ncolumns = [{ name = "c", python = "c.py:f", typ = 1 }]',
            "data.columns[0].typ: unknown key",
        ),
        # slices
        ('by = ["crop", "years of age"]', "by = []", "slices[0].by: must not be empty (found [])"),
        ("cross = 2", "cross = 4", "slices[0].cross: must be at most 3 (found 4)"),
        ("cross = 2", "cross = 3", "slices[0].cross: is at most the number of columns, 2 (found 3)"),
        ("[1, 2.5]", "[2.5, 1]", 'slices[0].bins."years of age": edges must increase (found [2.5, 1.0])'),
        ("[1, 2.5]", "[]", 'slices[0].bins."years of age": must not be empty (found [])'),
        (
            'bins."years of age"',
            "bins.crops",
            "slices[0].bins.crops: must be a column of `by`; did you mean 'crop'? (found 'crops')",
        ),
        ("cross = 2", "quantiles.crop = 1", "slices[0].quantiles.crop: must be at least 2 (found 1)"),
        (
            "cross = 2",
            'quantiles."years of age" = 4',
            'slices[0].quantiles."years of age": a column has either bins or quantiles',
        ),
        (
            'by = ["crop", "years of age"]',
            'by = ["years of age", "years of age"]',
            "slices[0].by: columns must differ (found 'years of age')",
        ),
        ('"young corn"', '"all"', "slices[1].name: names of slices must differ (found 'all')"),
        (
            '"young corn"',
            '"crop: corn"',
            "slices[1].name: a name that begins like this is made from a column (found 'crop: corn')",
        ),
        (
            '"young corn"',
            '"label: rust"',
            "slices[1].name: a name that begins like this is made from a column (found 'label: rust')",
        ),
        ('"young corn"', '" corn"', "slices[1].name: must be text without spaces at its ends (found ' corn')"),
        ('"young corn"', r'"a\nb"', r"slices[1].name: a name is one line of printable characters (found 'a\nb')"),
        ('"young corn"', r'"a\u001bb"', r"slices[1].name: a name is one line of printable characters (found 'a\x1bb')"),
        (
            SLICE,
            "wher = 'x'",
            f"slices[1]: {KIND}; did you mean 'where'? (found {{'name': 'young corn', 'wher': 'x', 'guard': True, 'margin': 0.05}})",
        ),
        (
            SLICE,
            "where = 'x'\nby = ['c']",
            f"slices[1]: {KIND} (found {{'name': 'young corn', 'where': 'x', 'by': ['c'], 'guard': True, 'margin': 0.05}})",
        ),
        # predicates
        (SLICE, "where = ''", f"{WHERE}: must not be empty (found '')"),
        (SLICE, "where = '__import__(\"os\")'", f"{WHERE}: {CALLS} (found '__import__(\"os\")')"),
        (SLICE, "where = 'crop @ 2'", f"{WHERE}: {ARITHMETIC} (found 'crop @ 2')"),
        (SLICE, "where = 'lambda: 1'", f"{WHERE}: this is not part of the predicate language (found 'lambda: 1')"),
        (SLICE, "where = 'age ** 9999999 > 1'", f"{WHERE}: {ARITHMETIC} (found 'age ** 9999999')"),
        (
            SLICE,
            f"where = '{'(' * 5000}'",
            f"{WHERE}: a predicate has at most 2,000 characters (found '{'(' * 40}… of 5,000')",
        ),
        # TOML
        ("[gate]", "[gate", "line 35: is not valid TOML: Expected ']' at the end of a table declaration"),
        ("seed = 7", "seed = 7\nseed = 7", "line 3: is not valid TOML: Cannot overwrite a value"),
        ("seed = 7", f"seed = {'[' * 5000}", "is nested too deeply"),
    ],
)
def test_refuses(load, old, new, message):
    with pytest.raises(SuiteError) as caught:
        load(changed(old, new))
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value) == f"suite.toml: {message}"


def test_names_may_not_differ_in_case_alone(load):
    with pytest.raises(SuiteError, match="names of models must differ in more than upper and lower case"):
        load(changed("[[slices]]\nname", '[models.compressed.INT8]\nrecorded = "b.csv"\n[[slices]]\nname'))


def test_a_metric_of_scores_needs_scores(load):
    with pytest.raises(SuiteError) as caught:
        load(changed('"int8.csv"', '"int8.csv"\noutputs = "labels"').replace("[gate]", "[gate]\nmetric = 'brier'"))
    assert (
        str(caught.value)
        == "suite.toml: models.compressed.int8.outputs: brier needs logits or probabilities (found 'labels')"
    )


def test_every_mistake_is_listed(load):
    with pytest.raises(SuiteError) as caught:
        load(
            changed("seed = 7", "seed = '7'")
            .replace("margin = 0.05", "margin = nan\nmargins = 1")
            .replace("[gate]", "[gate]\nflip = 3")
        )
    assert str(caught.value).splitlines() == [
        "suite.toml: 4 mistakes",
        "  suite.toml: seed: must be a whole number (found '7')",
        "  suite.toml: slices[1].margin: must be a finite number (found nan)",
        "  suite.toml: slices[1].margins: unknown key; did you mean 'margin'?",
        "  suite.toml: gate.flip: unknown key; did you mean 'flips'?",
    ]


def test_an_empty_file_lacks_what_is_required(load):
    with pytest.raises(SuiteError) as caught:
        load("")
    assert [line.split(": ", 1)[1] for line in str(caught.value).splitlines()[1:]] == [
        f"{key}: is required" for key in ("suite", "seed", "data", "models")
    ]


REGRESSION = (
    GOOD.replace("seed = 7", 'seed = 7\ntask = "regression"')
    .replace('classes = ["healthy", "rust"]', "")
    .replace('"logits"', '"value"')
    .replace("[gate]\nmargin = 0.02", '[gate]\nmetric = "mae"\nmargin = 250')
    .replace("margin = 0.05", "margin = 300")
)


def test_a_regression_has_margins_in_its_own_unit(load):
    assert load(REGRESSION).suite.gate.margin == 250


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"value"', '"logits"', "models.outputs: must be 'value' for a regression (found 'logits')"),
        ('"mae"', '"accuracy"', "gate.metric: must be one of mae, mse, rmse for a regression (found 'accuracy')"),
        (
            'label = "leaf"',
            'label = "leaf"\nclasses = ["a", "b"]',
            "data.classes: a regression has no classes (found ['a', 'b'])",
        ),
    ],
)
def test_a_regression_refuses(load, old, new, message):
    with pytest.raises(SuiteError) as caught:
        load(REGRESSION.replace(old, new))
    assert str(caught.value) == f"suite.toml: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", r"suite.toml: is not text in UTF-8 (found b'\xff\xfe\x00')"),
        (b"#" * (MAX_BYTES + 1), "a suite's files have at most 1,000,000 bytes"),
        (b"\x00\x01", "suite.toml: line 1: is not valid TOML: Invalid statement"),
    ],
)
def test_noise_is_refused(tmp_path, content, message):
    (tmp_path / "suite.toml").write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        load_suite(tmp_path)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize("name", ["nowhere", "nowhere.toml", "folder", "nul\0"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite(tmp_path / name)


STATEMENTS = '[[statements]]\nid = "MEASURE 2.2"\ntext = "Nobody was observed."\nby = "A. Person"\ndate = 2026-03-31\n'


def test_statements_are_read_with_their_author(load, tmp_path):
    (tmp_path / "statements.toml").write_text(STATEMENTS)
    (statement,) = load_statements(load(GOOD))
    assert (statement.id, statement.by, statement.date) == ("MEASURE 2.2", "A. Person", "2026-03-31")


def test_without_a_file_there_are_no_statements(load):
    assert load_statements(load(changed('statements = "statements.toml"', ""))) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-03-31", '"soon"', "statements.toml: statements[0].date: must be a date as in 2026-03-31 (found 'soon')"),
        ("by =", "buy =", "statements.toml: 2 mistakes"),
        ('"A. Person"', '""', "statements.toml: statements[0].by: must not be empty (found '')"),
        ("[[statements]]", "[[statement]]", "statements.toml: statement: unknown key; did you mean 'statements'?"),
    ],
)
def test_statements_refuse(load, tmp_path, old, new, message):
    (tmp_path / "statements.toml").write_text(STATEMENTS.replace(old, new))
    with pytest.raises(SuiteError) as caught:
        load_statements(load(GOOD))
    assert str(caught.value).splitlines()[0] == message


def test_missing_statements_are_refused(load):
    with pytest.raises(SuiteError, match=r"statements\.toml: cannot be read: No such file or directory"):
        load_statements(load(GOOD))


def test_the_policy_hash_sees_the_policy_and_nothing_else(load):
    suite = load(GOOD).suite
    same = load(
        changed("margin = 0.02", "margin = 2e-2\nmetric = 'accuracy'").replace("dense.safetensors", "other")
    ).suite
    assert policy_sha256(suite) == policy_sha256(same)
    assert policy_sha256(suite) == policy_sha256(replace(suite, discover=Discover(aim="net")))  # it never gates
    others = [
        replace(suite, gate=replace(suite.gate, margin=0.03)),
        replace(suite, slices=suite.slices[:1]),
        replace(suite, data=replace(suite.data, classes=("rust", "healthy"))),
        replace(suite, data=replace(suite.data, cluster="field")),
        replace(suite, claims=(Claim(claim="bytes", at_most_ratio=0.3),)),
    ]
    assert len({policy_sha256(it) for it in (suite, *others)}) == 6


def test_the_schema_describes_every_key_and_accepts_what_loads():
    described = schema()
    jsonschema.Draft202012Validator.check_schema(described)
    validator = jsonschema.Draft202012Validator(described)
    validator.validate(tomllib.loads(GOOD))
    assert not validator.is_valid(tomllib.loads(changed("margin = 0.02", "margn = 0.02")))
    assert not validator.is_valid(tomllib.loads(changed("margin = 0.02", "margin = 0")))
    for table in (described, *described["$defs"].values()):
        for key, entry in table["properties"].items():
            assert entry.keys() & {"title", "$ref", "anyOf"}, key
            assert entry["description"].endswith("."), key
    assert json.loads(json.dumps(described)) == described


def test_the_reference_page_names_every_key_and_its_example_loads(load):
    page = (Path(__file__).parents[1] / "docs" / "suite-file.md").read_text(encoding="utf-8")
    keys = {key for table in (schema(), *schema()["$defs"].values()) for key in table["properties"]}
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == keys - {
        "release",
        "data",
        "slices",
        "edge_cases",
        "gate",
        "discover",
        "populations",
        "claims",
        "cost",
        "sweep",
    }
    example = re.search(r"```toml\n(suite = .*?)```", page, re.DOTALL)
    assert load(example[1]).suite.suite == "hours"
    for line in re.findall(r"\| `([\w.]+ = [^`]*)` \|$", page, re.MULTILINE):
        assert tomllib.loads(line), line


def test_metrics_are_those_of_the_engine():
    from validate.metrics import METRICS, Needs

    gating = [metric for metric in METRICS.values() if metric.gates]
    assert {metric.name for metric in gating} == {name for names in KNOWN_METRICS.values() for name in names}
    assert all(metric.name in KNOWN_METRICS[metric.task] for metric in gating)
    assert {metric.name for metric in gating if metric.needs is Needs.PROBABILITIES} == SCORE_METRICS


def test_a_suite_is_read_without_heavy_packages():
    code = "import sys, validate.suite_file; print(sorted({'pandas', 'scipy', 'torch', 'sklearn'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
