"""Attacks: exact on a linear model, within their bound, never weaker than a single step, and honest about flat models."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edge_cases.folder import tiny_data
from validate.answers import answer
from validate.cache import Cache
from validate.errors import ModelError
from validate.runners import open_runner
from validate.runners.attacks import Attack, Stretch, attacked_dataset
from validate.runners.batches import encode, open_inputs

FGSM = Attack(method="fgsm", norm="linf", epsilon=0.1)
PGD = Attack(method="pgd", norm="linf", epsilon=0.1, steps=5)


def random(row):
    return np.random.default_rng([4, row])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The tiny suite, its data, and its dense model: linear in age, income and word."""
    loaded, data = tiny_data(tmp_path_factory.mktemp("attacks"), "", rows=60)
    return loaded, data, open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=data.classes)


def struck(world, attack, start=0, stop=60) -> np.ndarray:
    """The changed inputs of these rows, made for the world's model."""
    loaded, data, runner = world
    made = attacked_dataset(data, [Stretch(start=0, stop=len(data), attack=attack)], random, runner)
    return encode(made, open_inputs(loaded), start, stop).tensors.numpy()


def clean(world) -> np.ndarray:
    loaded, data, _ = world
    return encode(data, open_inputs(loaded), 0, len(data)).tensors.numpy()


def leads(world, inputs) -> np.ndarray:
    """By how much the true class leads the other."""
    _, data, runner = world
    with torch.no_grad():
        scores = runner.model(torch.from_numpy(inputs)).numpy().astype(float)
    return (scores[:, 1] - scores[:, 0]) * np.where(data.labels == 1, 1, -1)


def test_the_loss_of_a_linear_model_grows_as_theory_says(world):
    """The lead shrinks by exactly epsilon times the dual norm of the weights' difference: no change does more."""
    weight = world[2].model.weight.detach().numpy().astype(float)
    difference = weight[1] - weight[0]
    before = leads(world, clean(world))
    for attack, dual in (
        (FGSM, np.abs(difference).sum()),
        (PGD, np.abs(difference).sum()),
        (replace(PGD, norm="l2"), np.sqrt((difference**2).sum())),
    ):
        after = leads(world, struck(world, attack))
        np.testing.assert_allclose(before - after, 0.1 * dual, rtol=2e-5)


def net(seed, width=3):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(width, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).requires_grad_(False)


def losses(runner, data, inputs) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        scores = runner.model(torch.from_numpy(inputs)).double()
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(data.labels.copy()), reduction="none")
    return loss.numpy(), scores.argmax(dim=1).numpy() != data.labels


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**16),
    epsilon=st.floats(1e-3, 2.0),
    norm=st.sampled_from(["linf", "l2"]),
    steps=st.integers(1, 8),
)
def test_what_is_changed_stays_within_the_bound_and_fools_at_least_as_well_as_a_step(world, seed, epsilon, norm, steps):
    loaded, data, dense = world
    runner, before = replace(dense, model=net(seed)), clean(world)
    bounds = (float(before.min()), float(before.max())) if seed % 2 else None
    many = Attack(method="pgd", norm=norm, epsilon=epsilon, steps=steps, bounds=bounds)
    after = struck((loaded, data, runner), many)
    change = (after - before).astype(float)
    size = np.abs(change).max(axis=1) if norm == "linf" else np.sqrt((change**2).sum(axis=1))
    assert (size <= epsilon + 1e-5).all()
    if bounds is not None:
        assert after.min() >= bounds[0] - 1e-6
        assert after.max() <= bounds[1] + 1e-6
    one = struck((loaded, data, runner), replace(many, method="fgsm", steps=1))
    many_loss, many_wrong = losses(runner, data, after)
    for weaker in (before, one):
        loss, wrong = losses(runner, data, weaker)
        assert (many_wrong >= wrong).all()
        assert (many_loss >= loss - 1e-6)[many_wrong == wrong].all()


def test_noise_is_as_large_as_an_attack_may_be_and_knows_no_model(world):
    before, nobody = clean(world), (*world[:2], None)
    change = struck(nobody, PGD) - before
    np.testing.assert_allclose(np.abs(change), 0.1, rtol=1e-4)
    assert 0.3 < (change > 0).mean() < 0.7
    change = struck(nobody, replace(PGD, norm="l2")) - before
    np.testing.assert_allclose(np.sqrt((change**2).sum(axis=1)), 0.1, rtol=1e-4)
    bounds = (0.0, float(before.max()))
    noisy = struck(nobody, replace(PGD, bounds=bounds))
    assert 0 <= noisy.min() <= noisy.max() <= bounds[1] + 1e-6


@pytest.mark.parametrize("attack", [FGSM, PGD, replace(PGD, norm="l2")])
def test_the_seed_alone_decides_whatever_the_batches(world, attack):
    whole = struck(world, attack)
    assert np.array_equal(whole, struck(world, attack))
    parts = [struck(world, attack, start=start, stop=start + 20) for start in (0, 20, 40)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_without_enough_memory_it_is_done_in_parts(world):
    loaded, data, dense = world

    class Small(torch.nn.Module):
        def forward(self, x):
            if len(x) > 8:
                raise MemoryError
            return dense.model(x)

    parts = struck((loaded, data, replace(dense, model=Small())), PGD)
    np.testing.assert_allclose(parts, struck(world, PGD), atol=1e-6)


class Rounded(torch.nn.Linear):
    def forward(self, x):
        return super().forward(torch.round(x * 4) / 4)


class Silent(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x.detach())


class Broken(torch.nn.Linear):
    def forward(self, x):
        return super().forward(torch.sqrt(x - x) + x)


class Narrow(torch.nn.Linear):
    def forward(self, x):
        return super().forward(x)[:, :1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Rounded, "gradient masking: its loss has no gradient at"),
        (Silent, "gives no gradient, so that it cannot be attacked"),
        (Broken, "the gradient of its loss is not finite"),
        (Narrow, r"must return a tensor of shape \(60, 2\)"),
    ],
)
@pytest.mark.parametrize("attack", [FGSM, PGD])
def test_a_model_that_shows_no_way_to_err_is_refused_by_name(world, kind, message, attack):
    loaded, data, dense = world
    model = kind(3, 2)
    model.load_state_dict(dense.model.state_dict())
    with pytest.raises(ModelError, match=rf"model 'dense' \(models\.py:build.*{message}"):
        struck((loaded, data, replace(dense, model=model.requires_grad_(False))), attack)


def test_probabilities_are_attacked_as_logits_are(world):
    loaded, data, dense = world
    models = replace(loaded.suite.models, outputs="probabilities")
    told = replace(loaded, suite=replace(loaded.suite, models=models))
    soft = replace(dense, model=torch.nn.Sequential(dense.model, torch.nn.Softmax(dim=1)), loaded=told)
    np.testing.assert_allclose(struck((loaded, data, soft), PGD), struck(world, PGD), atol=1e-6)


def test_whole_numbers_are_left_alone(world, monkeypatch):
    loaded, data, dense = world
    inputs = open_inputs(loaded)
    own = inputs.function
    codes = torch.arange(60)

    class Both(torch.nn.Module):
        def forward(self, code, numbers):
            return dense.model(numbers) + 0 * code[:, None]

    def both(frame):
        return {"code": codes[: len(frame)], "numbers": own(frame)}

    for function in (both, lambda frame: {"code": codes[: len(frame)]}):
        made = attacked_dataset(data, [Stretch(start=0, stop=60, attack=PGD)], random, replace(dense, model=Both()))
        other = replace(inputs, function=function)
        if function is both:
            changed = encode(made, other, 0, 60).tensors
            assert torch.equal(changed["code"], codes)
            np.testing.assert_allclose(changed["numbers"].numpy(), struck(world, PGD), atol=1e-6)
        else:
            with pytest.raises(ModelError, match=r"changes floating-point inputs, and there are none.*int64"):
                encode(made, other, 0, 60)


def test_whole_numbers_of_a_model_that_changes_them_in_place_stay_as_they_were(world):
    loaded, data, dense = world
    inputs, codes = open_inputs(loaded), torch.zeros(60, dtype=torch.int64)

    class Counting(torch.nn.Module):
        def forward(self, code, numbers):
            code += 1
            return dense.model(numbers)

    made = attacked_dataset(data, [Stretch(start=0, stop=60, attack=PGD)], random, replace(dense, model=Counting()))
    own = inputs.function
    both = replace(inputs, function=lambda frame: {"code": codes[: len(frame)], "numbers": own(frame)})
    changed = encode(made, both, 0, 60).tensors
    assert not changed["code"].any()
    assert not codes.any()


def test_a_gradient_however_small_leads_the_attack(world):
    """Its numbers do not vanish, their squares would."""
    loaded, data, dense = world
    sure = torch.nn.Linear(3, 2)
    sure.load_state_dict({name: 15 * value for name, value in dense.model.state_dict().items()})
    attack, before = replace(PGD, norm="l2"), clean(world)
    moved = struck((loaded, data, replace(dense, model=sure.requires_grad_(False))), attack) - before
    np.testing.assert_allclose(np.sqrt((moved.astype(float) ** 2).sum(axis=1)), 0.1, rtol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "scale", "epsilon"),
    [(torch.float32, 1e6, 0.02), (torch.float32, 1.0, 1e-12), (torch.bfloat16, 1.0, 0.002)],
)
@pytest.mark.parametrize("attacked", [True, False])
def test_a_change_that_rounding_would_lose_is_refused(world, dtype, scale, epsilon, attacked):
    loaded, data, dense = world
    inputs = open_inputs(loaded)
    own = inputs.function

    class Wide(torch.nn.Module):
        def forward(self, numbers):
            return dense.model(numbers.float() / scale)

    runner = replace(dense, model=Wide()) if attacked else None
    attack = replace(PGD, epsilon=epsilon)
    made = attacked_dataset(data, [Stretch(start=0, stop=60, attack=attack)], random, runner)
    large = replace(inputs, function=lambda frame: (own(frame) * scale).to(dtype))
    with pytest.raises(ModelError, match=r"is lost in the rounding of torch\.\w+: scale the inputs"):
        encode(made, large, 0, 60)


def test_inputs_outside_the_declared_bounds_are_named(world):
    with pytest.raises(ModelError, match=r"inputs must be within bounds \[0\.0, 1\.0\] \(found '?[1-9]"):
        struck(world, replace(PGD, bounds=(0.0, 1.0)))


def test_answers_are_kept_by_attack_and_by_the_attacked_model(world, tmp_path):
    loaded, data, dense = world
    cache = Cache(folder=tmp_path)
    small = open_runner(loaded.suite.models.compressed["small"], name="small", loaded=loaded, classes=data.classes)

    def reused(attack, attacked):
        made = attacked_dataset(data, [Stretch(start=0, stop=60, attack=attack)], random, attacked)
        return answer(dense, made, cache=cache).reused

    assert reused(PGD, dense) == 0
    assert reused(PGD, dense) == 60
    assert reused(PGD, small) == 0
    assert reused(PGD, None) == 0
    other = replace(data, labels=1 - data.labels)  # the same frame, and a loss that goes the other way
    made = attacked_dataset(other, [Stretch(start=0, stop=60, attack=PGD)], random, dense)
    assert answer(dense, made, cache=cache).reused == 0
    for name, value in (("epsilon", 0.2), ("steps", 6), ("norm", "l2"), ("bounds", (-9.0, 9.0)), ("method", "fgsm")):
        assert reused(replace(PGD, **{name: value}), dense) == 0
