"""Imports point one way, heavy packages wait until they are needed, and a command pays only for what it uses."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "validate"

# A file imports only from those above it; inside a package, in any order without a cycle.
STAGES = """
errors outcome places fetching suite_words suite_claims suite_edge_cases suite_sweep suite where columns predicates mistakes claim_rules sweep_rules suite_rules
images edge_kinds attack_rules edge_rules suite_lines suite_file waiver_file
stats wording starter attempts hooks tables parts suite_folder
contract data batched progress predictions cache artifact_profile runners answers
attributes survey joint slices slicing counts metrics
populations changes rate_changes score_changes sample_size description totals measure
screen comparison error_rates disparity
scores damage search searchable features discovery exploring
gate checks calibration_set waivers claims declared guards preflight edge_cases planning methods evidence judgement notebook recording
compression forecast sweep compressors decisions ledger
frameworks report exports streaming pipeline envelopes signatures recomputation verification bookkeeping
terminal terminal_history terminal_sweep finding_text commands signing history making forecasting sweeping pytest_plugin cli
"""
ORDER = STAGES.split()

# Slow to import, or optional: in one place only, and when it is needed.
HOMES = {
    "torch": ("validate.runners", "validate.compressors"),
    "safetensors": "validate.runners",
    "onnx": "validate.runners.onnx",
    "onnxruntime": "validate.runners.onnx",
    "skops": "validate.runners.scikit",
    "joblib": "validate.runners.scikit",
    "transformers": "validate.runners.huggingface",
    "torchao": ("validate.runners.weights", "validate.compressors"),
    "torch_pruning": "validate.compressors",
    "great_expectations": "validate.contract",
    "sklearn": ("validate.metrics", "validate.features", "validate.edge_cases.natural"),  # scores; clusters; neighbours
    "PIL": ("validate.images", "validate.edge_kinds.corruptions"),
    "statsmodels": "validate.stats.multiplicity",
    "jinja2": "validate.report",
    "sqlalchemy": "validate.ledger",
    "cryptography": "validate.envelopes",
    "securesystemslib": "validate.envelopes",
    "rich": "validate.terminal",
    "typer": "validate.cli",
    "pytest": "validate.pytest_plugin",
}
FRAMEWORKS = {"torch", "safetensors", "sklearn", "great_expectations", "statsmodels"}


def modules() -> dict[str, Path]:
    return {_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Yield each imported module, wherever in the file it is imported."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in _known() else str(node.module)


@cache
def _known() -> frozenset[str]:
    return frozenset(modules())


def _place(module: str) -> int:
    return ORDER.index(module.split(".")[1])


def test_every_module_has_its_place_in_the_order():
    assert {name.split(".")[1] for name in modules()} <= set(ORDER)


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_one_way(name):
    for imported in imports(modules()[name]):
        if imported.split(".")[0] != "validate":
            continue
        assert imported != "validate", "the package's face is for users: another package may overwrite it"
        inside = imported.split(".")[1] == name.split(".")[1]
        assert inside or _place(imported) < _place(name), f"{name} imports {imported}, which comes after it"


def test_no_cycle():
    graph = {
        name: {imported for imported in imports(path) if imported.startswith("validate.") and imported != name}
        for name, path in modules().items()
    }
    assert set(TopologicalSorter(graph).static_order()) >= set(graph)


def test_heavy_packages_have_one_home():
    for name, path in modules().items():
        for package in {imported.split(".")[0] for imported in imports(path)} & set(HOMES):
            assert name.startswith(HOMES[package]), f"{name} imports {package}, whose home is {HOMES[package]}"


def loaded_by(code: str, cwd: Path = ROOT) -> set[str]:
    """Name the top-level packages that a fresh interpreter holds after the code."""
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=cwd)
    return {module.split(".")[0] for module in done.stderr.split()}


def test_help_imports_next_to_nothing():
    loaded = loaded_by("from validate.cli import main; assert main(['--help']) == 0")
    assert "typer" in loaded
    assert loaded & (FRAMEWORKS | {"numpy", "pandas", "scipy", "pyarrow", "pydantic", "jinja2", "rich"}) == set()


def test_importing_the_commands_loads_no_framework():
    assert loaded_by("import validate.commands") & FRAMEWORKS == set()


def test_the_face_is_lazy():
    assert loaded_by("import validate; validate.__all__") & {"numpy", "pandas", "pydantic", "typer"} == set()
