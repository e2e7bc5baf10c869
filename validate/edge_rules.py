"""What a suite's edge-case sets must observe beyond the type of each key."""

from collections.abc import Iterator, Mapping, Sequence

from validate.attack_rules import attack_mistakes
from validate.edge_kinds.catalogue import fitting, misfit
from validate.edge_kinds.tabular import Mix
from validate.errors import SuiteError, did_you_mean
from validate.mistakes import Mistake, key_path
from validate.predicates import parse
from validate.suite import NamedSlice, RecordedModel, Suite
from validate.suite_edge_cases import (
    AttackCases,
    CuratedCases,
    DrawnCases,
    EdgeCaseSpec,
    GeneratedCases,
    NaturalCases,
    VariantCases,
    set_name,
)


def edge_case_mistakes(suite: Suite) -> list[Mistake]:
    """Every rule that the suite's edge-case sets break, in the order of the file."""
    return [mistake for i, spec in enumerate(suite.edge_cases) for mistake in _set(spec, i, suite)]


def slice_names(spec: EdgeCaseSpec) -> list[str]:
    """The names of the slices that a set becomes: itself, and each of several severities."""
    name = set_name(spec)
    severities = spec.severity if isinstance(spec, VariantCases | AttackCases) else ()
    return [name, *(severity_name(name, severity) for severity in severities)]


def severity_name(name: str, severity: int) -> str:
    """The name of a set's slice of one severity."""
    return f"{name}, severity {severity}"


def _set(spec: EdgeCaseSpec, i: int, suite: Suite) -> Iterator[Mistake]:
    yield from _name(spec, i, suite)
    if suite.data.batch_rows is not None:
        yield Mistake(f"edge_cases[{i}]", "data that is read in batches cannot have edge cases", set_name(spec))
    if spec.margin is not None and spec.margin >= 1 and suite.task == "classification":
        yield Mistake(f"edge_cases[{i}].margin", "must be less than 1", spec.margin)
    if isinstance(spec, NaturalCases):
        yield from _natural(spec, i, suite)
        return
    models = {"dense": suite.models.dense} | {f"compressed.{n}": it for n, it in suite.models.compressed.items()}
    for name, model in models.items():
        if isinstance(model, RecordedModel):
            rule = f"needs models that can answer new examples, and models.{name} is recorded"
            yield Mistake(f"edge_cases[{i}]", rule, set_name(spec))
            break
    if isinstance(spec, CuratedCases) and spec.must_not_lose and suite.task != "classification":
        yield Mistake(f"edge_cases[{i}].must_not_lose", "counts right and wrong answers: needs a classification")
    if isinstance(spec, DrawnCases):
        yield from _drawn(spec, i)
    if isinstance(spec, VariantCases):
        yield from _varied(spec, i, [str(name) for name in suite.data.classes])
    if isinstance(spec, GeneratedCases):
        yield from _kind(spec, i, suite)
    if isinstance(spec, AttackCases):
        yield from attack_mistakes(spec, i, suite)


def _name(spec: EdgeCaseSpec, i: int, suite: Suite) -> Iterator[Mistake]:
    name, key = set_name(spec), f"edge_cases[{i}].name"
    if not name.isprintable():
        yield Mistake(key, "a name is one line of printable characters", name)
    earlier = {taken for other in suite.edge_cases[:i] for taken in slice_names(other)}
    if earlier & set(slice_names(spec)):
        yield Mistake(key, "names of edge-case sets must differ: give this one a name", name)
    if isinstance(spec, NaturalCases) and name in {"all", *(s.name for s in suite.slices if isinstance(s, NamedSlice))}:
        yield Mistake(key, "a slice has this name", name)


def _natural(spec: NaturalCases, i: int, suite: Suite) -> Iterator[Mistake]:
    key = f"edge_cases[{i}].natural"
    if spec.natural == "least-dense":
        if suite.models.inputs is None:
            yield Mistake(key, "least-dense compares the models' inputs, and needs models.inputs", spec.natural)
    elif suite.task != "classification" or suite.models.outputs == "labels":
        yield Mistake(key, f"{spec.natural} needs a classification with logits or probabilities", spec.natural)


def _drawn(spec: DrawnCases, i: int) -> Iterator[Mistake]:
    """How sources are drawn."""
    if spec.examples is not None and spec.share is not None:
        yield Mistake(f"edge_cases[{i}].share", "a set has either examples or share", spec.share)
    if spec.where is not None:
        try:
            parse(spec.where, f"edge_cases[{i}].where")
        except SuiteError as error:
            yield Mistake(error.place, error.rule, error.value)


def _varied(spec: VariantCases, i: int, classes: Sequence[str]) -> Iterator[Mistake]:
    """What is right for the variants, and how strongly they are changed."""
    if spec.expect is not None and spec.expect not in classes:
        rule = f"must be one of the classes{did_you_mean(spec.expect, classes)}"
        yield Mistake(f"edge_cases[{i}].expect", rule, spec.expect)
    if len(set(spec.severity)) < len(spec.severity):
        yield Mistake(f"edge_cases[{i}].severity", "severities must differ", list(spec.severity))


def _kind(spec: GeneratedCases, i: int, suite: Suite) -> Iterator[Mistake]:
    reason = misfit(spec.kind, suite)
    if reason:
        yield Mistake(f"edge_cases[{i}].kind", reason, spec.kind)
        return
    kind = fitting(suite)[spec.kind]
    if spec.columns and kind.columns is None:
        yield Mistake(f"edge_cases[{i}].columns", f"the kind {spec.kind} takes no columns", list(spec.columns))
    apart = {suite.data.label: "the label", suite.data.id: "the id", suite.data.cluster: "the cluster"}
    apart |= {made.name: "a derived column: change those that it is made of" for made in suite.data.columns}
    for column in spec.columns:
        if column in apart:
            yield Mistake(f"edge_cases[{i}].columns", f"must not change {apart[column]}", column)
    if len(set(spec.columns)) < len(spec.columns):
        yield Mistake(key_path("edge_cases", i, "columns"), "columns must differ", list(spec.columns))
    mix = spec.options.get("mix")
    if kind.options is Mix and isinstance(mix, Mapping):
        yield from _mix(mix, i, suite)


def _mix(mix: Mapping[str, float], i: int, suite: Suite) -> Iterator[Mistake]:
    """The slices of a mix are named slices or predicates, and their shares are parts of one whole."""
    named = {entry.name for entry in suite.slices if isinstance(entry, NamedSlice)}
    for where in mix:
        key = key_path("edge_cases", i, "options", "mix", where)
        try:
            if where not in named:
                parse(where, key)
        except SuiteError as error:
            yield Mistake(key, f"must be the name of a slice or a predicate: {error.rule}{did_you_mean(where, named)}")
    if sum(mix.values()) > 1 + 1e-9:
        yield Mistake(f"edge_cases[{i}].options.mix", "shares must not sum to more than 1", sum(mix.values()))
