"""What the compressors do to real small models: exact zeros, patterns, shapes, rounding, rounds; the original stays."""

import copy

import pytest
import torch
from torch import nn

from validate import compressors
from validate.artifact_profile.patterns import pattern
from validate.errors import ModelError
from validate.places import suites_dir
from validate.runners import open_runner
from validate.runners.weights import load_weights
from validate.suite_file import load_suite


@pytest.fixture
def census():
    """The dense census model, loaded as a run loads it."""
    loaded = load_suite(suites_dir() / "census_income")
    classes = tuple(map(str, loaded.suite.data.classes))
    return open_runner(loaded.suite.models.dense, name="dense", loaded=loaded, classes=classes).model


@pytest.fixture
def convolutions():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
    ).eval()


def matrices(model):
    return [p.detach() for p in model.parameters() if p.ndim > 1]


def zeros(tensors):
    return sum(int((t == 0).sum()) for t in tensors) / sum(t.numel() for t in tensors)


def plain(model):
    """Whether the state dict fits the model that was compressed, so that its factory can build it."""
    return all("_orig" not in name and "_mask" not in name for name in model.state_dict())


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_magnitude_sets_the_smallest_weights_to_zero(census, share):
    before = copy.deepcopy(census.state_dict())
    made = compressors.magnitude(census, share)
    kept, whole = torch.cat([m.flatten() for m in matrices(made)]), torch.cat([m.flatten() for m in matrices(census)])
    assert zeros(matrices(made)) == pytest.approx(share, abs=1e-5)
    assert whole[kept == 0].abs().max() <= whole[kept != 0].abs().min()
    assert torch.equal(kept[kept != 0], whole[kept != 0])
    assert plain(made)
    assert all(torch.equal(before[name], tensor) for name, tensor in census.state_dict().items())


def test_layer_wise_gives_every_layer_the_same_share(census):
    made = compressors.magnitude(census, 0.75, scope="layer")
    assert [zeros([m]) for m in matrices(made)] == pytest.approx([0.75] * 3, abs=2e-3)


def test_random_is_a_control_that_its_seed_decides(census):
    made = [compressors.random(census, 0.6, seed=seed) for seed in (1, 1, 2)]
    assert zeros(matrices(made[0])) == pytest.approx(0.6, abs=1e-4)
    assert all(map(torch.equal, matrices(made[0]), matrices(made[1])))
    assert not torch.equal(matrices(made[0])[0], matrices(made[2])[0])
    rounds = compressors.random(census, 0.6, seed=1, rounds=3)
    assert zeros(matrices(rounds)) == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (4, 8)])
def test_the_profile_sees_n_of_m(census, convolutions, n, m):
    for model in (census, convolutions):
        for weight in matrices(compressors.n_of_m(model, n, m)):
            if weight[0].numel() >= 64 and weight.shape[1] >= m:
                assert pattern((weight != 0).numpy()) == f"{n}:{m}"


def test_structured_pruning_removes_neurons_and_keeps_outputs(census, convolutions):
    width = next(census.parameters()).shape[1]
    x = torch.randn(2, width)
    made = compressors.structured(census, 0.5, x)
    assert [tuple(m.shape) for m in matrices(made)] == [(128, width), (64, 128), (2, 64)]
    assert made(x).shape == (2, 2)
    made = compressors.structured(convolutions, 0.5, torch.randn(1, 3, 8, 8))
    assert [tuple(m.shape) for m in matrices(made)] == [(8, 3, 3, 3), (4, 8, 3, 3), (4, 4 * 36)]


def test_structured_pruning_in_rounds_ends_at_the_same_size(census):
    x, seen = torch.randn(2, next(census.parameters()).shape[1]), []
    made = compressors.structured(
        census, 0.75, x, rounds=3, tune=lambda model, at: seen.append((at, len(matrices(model)[0])))
    )
    assert [at for at, _ in seen] == [1, 2, 3]
    assert [n for _, n in seen] == sorted({n for _, n in seen}, reverse=True)
    assert len(matrices(made)[0]) == 64


def test_rounds_keep_the_same_part_of_what_is_left(census):
    assert compressors.schedule(0.875, 3) == pytest.approx((0.5, 0.75, 0.875))
    seen = []

    def tune(model, at):
        with torch.no_grad():
            for layer in model:
                if isinstance(layer, nn.Linear):
                    layer.weight_orig.add_(0.001)  # training must not bring zeros back
        seen.append(at)

    made = compressors.magnitude(census, 0.875, rounds=3, tune=tune)
    assert seen == [1, 2, 3]
    assert zeros(matrices(made)) == pytest.approx(0.875, abs=1e-4)


@pytest.mark.parametrize("scheme", ["int8-dynamic", "int8-weights", "int4-weights"])
def test_quantized_weights_are_within_their_rounding_and_load_without_unpickling(census, scheme, tmp_path):
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3)).eval()
    made = compressors.quantized(model, scheme)
    step = 7 if scheme == "int4-weights" else 127
    for before, after in zip((model[0], model[2]), (made[0], made[2]), strict=True):
        off = (before.weight - after.weight.dequantize()).abs().max()
        assert 0 < off <= 0.51 * before.weight.abs().max() / step * (8 / 7 if step == 7 else 1)
    torch.save(made.state_dict(), tmp_path / "weights.pt")
    again = copy.deepcopy(model)
    load_weights(again, tmp_path / "weights.pt", "here")
    x = torch.randn(5, 64)
    assert torch.equal(again(x), made(x))
    assert (made(x) - model(x)).abs().max() < 0.3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half(census, dtype):
    made = compressors.half(census, dtype)
    assert {str(t.dtype) for t in made.state_dict().values()} == {f"torch.{dtype}"}
    for before, after in zip(matrices(census), matrices(made), strict=True):
        torch.testing.assert_close(after.float(), before, rtol=2**-7, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: compressors.magnitude(model, 1.0),
        lambda model: compressors.magnitude(model, 0.5, rounds=0),
        lambda model: compressors.n_of_m(model, 4, 4),
        lambda model: compressors.quantized(model, "int4-weights", group=7_777),
        lambda model: compressors.magnitude(nn.ReLU(), 0.5),
    ],
)
def test_what_cannot_be_done_is_said(census, wrong):
    with pytest.raises(ModelError):
        wrong(census)
