"""What a suite's attacks must observe: only models that tell which way their loss grows can be attacked."""

from collections.abc import Iterator
from itertools import pairwise

from validate.errors import did_you_mean
from validate.mistakes import Mistake
from validate.suite import (
    MODEL_KINDS,
    ExportedModel,
    ModelSpec,
    Suite,
    TorchModel,
    TorchScriptModel,
    TransformersModel,
)
from validate.suite_edge_cases import AttackCases

MOST_EPSILONS = 5
DENSE = "dense"


def attack_mistakes(spec: AttackCases, i: int, suite: Suite) -> Iterator[Mistake]:
    """Every rule that one attack breaks."""
    key = f"edge_cases[{i}]"
    yield from _bound(spec, key)
    if suite.task != "classification" or suite.models.outputs not in {"logits", "probabilities"}:
        rule = f"{spec.attack} needs a classification with logits or probabilities"
        yield Mistake(f"{key}.attack", rule, suite.models.outputs)
    if suite.models.inputs is None:
        yield Mistake(f"{key}.attack", "changes what the models see, and needs models.inputs", spec.attack)
    reason = no_gradient(suite.models.dense)
    if reason:
        yield Mistake(f"{key}.attack", f"needs a dense model that can be attacked, and models.dense {reason}")
    yield from _against(spec, key, suite)
    if spec.guard and not spec.screen:
        yield Mistake(f"{key}.screen", "a guarded set gates: it cannot be described only", spec.screen)
    spared = [name for name in suite.models.compressed if name not in attacked_models(spec, suite)]
    if spec.guard and spared:
        rule = "a guarded attack is made on every compressed model, and this one is not attacked"
        yield Mistake(f"{key}.guard", rule, spared[0])


def attacked_models(spec: AttackCases, suite: Suite) -> tuple[str, ...]:
    """The compressed models that a set attacks."""
    return tuple(
        name
        for name, model in suite.models.compressed.items()
        if (name in spec.against if spec.against else not no_gradient(model))
    )


def no_gradient(model: ModelSpec) -> str:
    """Why a model cannot be attacked by its gradient; "" where it can be tried."""
    if isinstance(model, TransformersModel) and model.text is not None:
        return "reads texts as the numbers of their tokens, which have no gradient"
    if isinstance(model, TorchModel | TorchScriptModel | ExportedModel | TransformersModel):
        return ""
    kind = next(key for key, known in MODEL_KINDS.items() if isinstance(model, known))
    return f"is of the kind {kind!r}, which gives no gradients"


def _bound(spec: AttackCases, key: str) -> Iterator[Mistake]:
    epsilons = spec.epsilons
    if not epsilons or min(epsilons) <= 0:
        yield Mistake(f"{key}.epsilon", "must be more than 0", spec.epsilon)
    if any(low >= high for low, high in pairwise(epsilons)):
        yield Mistake(f"{key}.epsilon", "must grow from one to the next", list(epsilons))
    if len(epsilons) > MOST_EPSILONS:
        yield Mistake(f"{key}.epsilon", f"must be at most {MOST_EPSILONS} numbers", len(epsilons))
    if spec.bounds is not None and spec.bounds[0] >= spec.bounds[1]:
        yield Mistake(f"{key}.bounds", "must be the least and the greatest that an input can be", list(spec.bounds))
    if spec.attack == "fgsm" and spec.norm != "linf":
        yield Mistake(f"{key}.norm", "fgsm is bounded by linf: use pgd for another norm", spec.norm)
    if spec.attack == "fgsm" and spec.steps is not None:
        yield Mistake(f"{key}.steps", "fgsm takes one step: use pgd for more", spec.steps)


def _against(spec: AttackCases, key: str, suite: Suite) -> Iterator[Mistake]:
    known = {DENSE: suite.models.dense, **suite.models.compressed}
    for j, name in enumerate(spec.against):
        if name not in known:
            yield Mistake(f"{key}.against[{j}]", f"is no model of this suite{did_you_mean(name, known)}", name)
        elif name != DENSE and no_gradient(known[name]):
            yield Mistake(f"{key}.against[{j}]", f"cannot be attacked: it {no_gradient(known[name])}", name)
    if len(set(spec.against)) < len(spec.against):
        yield Mistake(f"{key}.against", "models must differ", list(spec.against))
    if spec.against and DENSE not in spec.against:
        rule = f"must name {DENSE!r} too: each compressed model is compared with the dense one under its own attack"
        yield Mistake(f"{key}.against", rule, list(spec.against))
