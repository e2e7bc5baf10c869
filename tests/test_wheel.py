"""The wheel carries what it needs and nothing else, and its command works beside a package that takes its name."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
SUITES = {"starter", "census_income", "fashion_images", "news_topics"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the sdist of the committed files, and the wheel from it, with no network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(["git", "clone", "-q", ROOT, folder / "clone"], check=True)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "clone"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into a fresh environment that borrows our dependencies but not our checkout."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = next(folder.glob("[Bb]in/python")) if os.name != "nt" else folder / "Scripts" / "python.exe"
    place = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(place, capture_output=True, text=True, check=True).stdout.strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    _pip(python, str(wheel))
    return python


def _pip(python: Path, *what: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _paritygate(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    script = python.parent / "paritygate"
    # a neutral environment: nothing of the checkout may be found through it
    neutral = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([script, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=neutral)


def test_the_wheel_carries_the_package_the_suites_and_the_templates(wheel):
    names = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    tops = {name.parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"validate"}
    assert {name.parts[2] for name in names if name.parts[:2] == ("validate", "suites")} == SUITES
    assert {name.parts[2] for name in names if name.parts[:2] == ("validate", "reports")} >= {"templates", "frameworks"}
    carried = {str(name) for name in names}
    tracked = subprocess.run(
        ["git", "ls-files", "suites", "reports", "validate"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    expected = {name if name.startswith("validate/") else f"validate/{name}" for name in tracked.stdout.splitlines()}
    assert {name for name in carried if ".dist-info/" not in name} == expected
    assert any(name.endswith("licenses/LICENSE") for name in carried)


def test_the_wheel_stays_small(wheel):
    assert wheel.stat().st_size < 10_000_000


def test_the_installed_command_works(installed, tmp_path):
    assert _paritygate(installed, "suites", cwd=tmp_path).stdout.count("site-packages") == len(SUITES)
    assert _paritygate(installed, "init", "mine", cwd=tmp_path).returncode == 0
    done = _paritygate(installed, "run", "mine", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "paritygate-out" / "mine" / "report.html").is_file()


def test_the_command_works_beside_configobj_which_takes_the_package_s_name(installed, tmp_path):
    _pip(installed, "configobj")
    face = [installed, "-c", "import validate; print(hasattr(validate, 'Validator'))"]
    taken = subprocess.run(face, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert taken.stdout.strip() == "True", "configobj no longer installs a package named validate"
    done = _paritygate(installed, "run", "starter", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
