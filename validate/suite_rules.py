"""What a suite file must observe beyond the type of each key: rules that look at several keys at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from validate.claim_rules import claim_mistakes
from validate.errors import SuiteError, did_you_mean
from validate.mistakes import Mistake, key_path
from validate.predicates import parse
from validate.suite import (
    KNOWN_METRICS,
    METRIC_AIMS,
    SCORE_METRICS,
    ExportedModel,
    Family,
    NamedSlice,
    OnnxModel,
    RecordedModel,
    Suite,
    TorchModel,
    TorchScriptModel,
)
from validate.suite_words import Outputs
from validate.sweep_rules import sweep_mistakes

# what a run writes beside the models' folders, and names that no folder can have on some machines
_OURS = frozenset({"dense", "report.html", "summary.md", "junit.xml", "results.sarif", "sha256sums", "attempts.jsonl"})
# models that see what `inputs` makes of the frame
_ENCODED = {TorchModel: "torch", TorchScriptModel: "torchscript", ExportedModel: "exported", OnnxModel: "onnx"}
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))})


def mistakes(suite: Suite) -> list[Mistake]:
    """Every rule that the suite breaks, in the order of the file."""
    rules = (_data, _batches, _models, _populations, _slices, _gate, _discover, claim_mistakes, sweep_mistakes)
    return [mistake for rule in rules for mistake in rule(suite)]


def _data(suite: Suite) -> Iterator[Mistake]:
    data = suite.data
    if (data.path is None) == (data.python is None):
        yield Mistake("data", "exactly one of the keys path, python is needed", data.path)
    names = [str(name) for name in data.classes]
    if suite.task == "regression" and names:
        yield Mistake("data.classes", "a regression has no classes", list(data.classes))
    if suite.task == "classification" and len(names) < 2:
        yield Mistake("data.classes", "a classification has at least two classes", list(data.classes))
    for name in _repeated(names):
        yield Mistake("data.classes", "classes must differ", name)
    if "" in names:
        yield Mistake("data.classes", "a class needs a name", "")
    if data.label in (data.id, data.cluster):
        yield Mistake("data.label", "the label is neither the id nor the cluster", data.label)
    made = [column.name for column in data.columns]
    for name in _repeated(made):
        yield Mistake("data.columns", "derived columns must have different names", name)
    for role, column in (("label", data.label), ("id", data.id), ("cluster", data.cluster)):
        if role != "cluster" and column in made:
            yield Mistake(f"data.{role}", "this column comes from the data, not from a function", column)


def _batches(suite: Suite) -> Iterator[Mistake]:
    """What batches of rows cannot do: they leave sums, and not the rows."""
    data, gate = suite.data, suite.gate
    if data.batch_rows is None:
        return
    rule = "needs all rows at once, and [data] batch_rows reads a batch at a time: remove one of them"
    if data.path is None:
        yield Mistake("data.python", "gives all rows at once: [data] batch_rows needs a path", data.python)
    if data.cluster is not None:
        yield Mistake("data.cluster", rule, data.cluster)
    if gate.metric != "accuracy":
        yield Mistake("gate.metric", f"{gate.metric} {rule}", gate.metric)
    if gate.screen == "westfall-young":
        yield Mistake("gate.screen", rule, gate.screen)
    if suite.discover is not None:
        yield Mistake("discover", "the search " + rule)
    for key in ("claims", "cost", "populations"):
        if getattr(suite, key):
            yield Mistake(key, rule)
    if suite.populations:
        yield Mistake("populations", "populations of models " + rule.removeprefix("needs all rows at once, and "))
    for key, told in (("claims", suite.claims), ("cost", suite.cost)):
        if told:
            yield Mistake(key, rule)
    if suite.edge_cases:
        yield Mistake(
            "edge_cases", "edge cases are made from all rows: " + rule.removeprefix("needs all rows at once, and ")
        )


def _models(suite: Suite) -> Iterator[Mistake]:
    models = suite.models
    kinds = dict.fromkeys(_ENCODED.get(type(it)) for it in (models.dense, *models.compressed.values()))
    encoded = [kind for kind in kinds if kind]
    if models.inputs is None and encoded:
        yield Mistake("models.inputs", f"{' and '.join(encoded)} models need a function that makes their inputs")
    folded = Counter(name.casefold() for name in models.compressed)
    for name in models.compressed:
        key, stem = key_path("models", "compressed", name), name.casefold().split(".")[0]
        if name.casefold() in _OURS or stem in _DEVICES or name.endswith("."):
            yield Mistake(key, "this name is taken: a model's name becomes a folder of the evidence", name)
        if folded[name.casefold()] > 1:
            yield Mistake(key, "names of models must differ in more than upper and lower case", name)
    yield from _outputs(suite)


def _populations(suite: Suite) -> Iterator[Mistake]:
    for name, population in suite.populations.items():
        key, sides = key_path("populations", name), (len(population.dense), len(population.compressed))
        if suite.task != "classification":
            yield Mistake(key, "compares recall by class, and needs a classification", suite.task)
        if population.matched and sides[0] != sides[1]:
            rule = "matched seeds need as many compressed models as dense ones; or say matched = false"
            yield Mistake(key_path("populations", name, "compressed"), rule, sides[1])
        encoded = any(type(it) in _ENCODED for it in (*population.dense, *population.compressed))
        if encoded and suite.models.inputs is None:
            yield Mistake("models.inputs", "models of a population need a function that makes their inputs")


def _outputs(suite: Suite) -> Iterator[Mistake]:
    """What the models give must suit the task and the metric."""
    for key, outputs in _given_outputs(suite):
        if (outputs == "value") != (suite.task == "regression"):
            rule = "must be 'value'" if suite.task == "regression" else "must be logits, probabilities or labels"
            yield Mistake(key, f"{rule} for a {suite.task}", outputs)
        elif outputs == "labels" and suite.gate.metric in SCORE_METRICS:
            yield Mistake(key, f"{suite.gate.metric} needs logits or probabilities", outputs)


def _given_outputs(suite: Suite) -> Iterator[tuple[str, Outputs]]:
    """What the models are said to give, with the key that says so."""
    yield "models.outputs", suite.models.outputs
    specs = {("dense",): suite.models.dense} | {
        ("compressed", name): it for name, it in suite.models.compressed.items()
    }
    for where, spec in specs.items():
        if isinstance(spec, RecordedModel) and spec.outputs is not None:
            yield key_path("models", *where, "outputs"), spec.outputs


def _slices(suite: Suite) -> Iterator[Mistake]:
    columns = [column for entry in suite.slices if isinstance(entry, Family) for column in entry.by]
    generated = ("label: ", *(f"{column}: " for column in columns))
    taken = {"all"}
    for i, entry in enumerate(suite.slices):
        if isinstance(entry, Family):
            yield from _family(entry, i)
        else:
            yield from _predicate(entry, i)
            if entry.name in taken:
                yield Mistake(f"slices[{i}].name", "names of slices must differ", entry.name)
            if entry.name.startswith(generated):
                yield Mistake(f"slices[{i}].name", "a name that begins like this is made from a column", entry.name)
            taken.add(entry.name)
        if entry.margin is not None and entry.margin >= 1 and suite.task == "classification":
            yield Mistake(f"slices[{i}].margin", "must be less than 1", entry.margin)


def _family(family: Family, i: int) -> Iterator[Mistake]:
    for column in _repeated(family.by):
        yield Mistake(f"slices[{i}].by", "columns must differ", column)
    if family.cross > len(family.by):
        yield Mistake(f"slices[{i}].cross", f"is at most the number of columns, {len(family.by)}", family.cross)
    for table, columns in (("bins", family.bins), ("quantiles", family.quantiles)):
        for column in columns:
            if column not in family.by:
                rule = f"must be a column of `by`{did_you_mean(column, family.by)}"
                yield Mistake(key_path("slices", i, table, column), rule, column)
    for column, edges in family.bins.items():
        if column in family.quantiles:
            yield Mistake(key_path("slices", i, "quantiles", column), "a column has either bins or quantiles")
        if any(a >= b for a, b in pairwise(edges)):
            yield Mistake(key_path("slices", i, "bins", column), "edges must increase", list(edges))


def _predicate(entry: NamedSlice, i: int) -> Iterator[Mistake]:
    if not entry.name.isprintable():
        yield Mistake(f"slices[{i}].name", "a name is one line of printable characters", entry.name)
    try:
        parse(entry.where, f"slices[{i}].where")
    except SuiteError as error:
        yield Mistake(error.place, error.rule, error.value)


def _gate(suite: Suite) -> Iterator[Mistake]:
    gate = suite.gate
    known = KNOWN_METRICS[suite.task]
    if gate.metric not in known:
        rule = f"must be one of {', '.join(known)} for a {suite.task}{did_you_mean(gate.metric, known)}"
        yield Mistake("gate.metric", rule, gate.metric)
    counting = {
        "margin_ratio": gate.margin_ratio,
        "exact": gate.exact,
        "growing": gate.growing,
        "screen": gate.screen != "holm" and gate.screen,
    }
    for name, value in counting.items():
        if value and gate.metric != "accuracy":
            yield Mistake(f"gate.{name}", "counts right and wrong answers, and needs the metric accuracy", value)
    if suite.task == "classification":
        for name, margin in (("margin", gate.margin), ("disparity_margin", gate.disparity_margin)):
            if margin >= 1:
                yield Mistake(f"gate.{name}", "must be less than 1", margin)


def _discover(suite: Suite) -> Iterator[Mistake]:
    if suite.discover is None:
        return
    aim, metrics = suite.discover.aim, KNOWN_METRICS[suite.task]
    if aim in METRIC_AIMS and aim not in metrics:
        known = [name for name in metrics if name in METRIC_AIMS]
        yield Mistake("discover.aim", f"must be excess, net, losses, {' or '.join(known)} for a {suite.task}", aim)
    if aim in SCORE_METRICS and "labels" in {outputs for _, outputs in _given_outputs(suite)}:
        yield Mistake("discover.aim", f"{aim} needs logits or probabilities", aim)


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
