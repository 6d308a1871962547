"""The package as others get it: small, typed, and in need of torch alone."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import lossref

ROOT = Path(lossref.__file__).parent.parent
MODULES = {path.name for path in (ROOT / "lossref").glob("*.py")} | {"py.typed"}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist from a copy of the sources, without a network."""
    pytest.importorskip(
        "setuptools", minversion="77", reason="building needs the setuptools of pyproject.toml"
    )
    folder = tmp_path_factory.mktemp("build")
    kept = (
        "pyproject.toml",
        "README.md",
        "MANIFEST.in",
        "LICENSE*",
        "lossref",
        "tests",
        "benchmarks",
        "chapters",
    )
    for pattern in kept:
        for path in ROOT.glob(pattern):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)
    build = (
        "from setuptools import build_meta as b; print(b.build_wheel('dist')); print(b.build_sdist('dist'))"
    )
    (folder / "dist").mkdir()
    run("-c", build, cwd=folder)
    return folder / "dist"


def test_wheel_holds_the_package_and_nothing_else(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"lossref", f"lossref-{lossref.__version__}.dist-info"}
    assert {
        name.removeprefix("lossref/") for name in names if re.fullmatch(r"lossref/[^/]+", name)
    } == MODULES
    assert f"lossref-{lossref.__version__}-" in wheel.name


def test_sdist_holds_the_package_and_nothing_else(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()} - {""}
    top = {name.split("/")[0] for name in inside}
    assert top - {"LICENSE"} == {
        "lossref",
        "lossref.egg-info",
        "MANIFEST.in",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
    }


def test_installed_package_needs_torch_alone(distributions: Path, tmp_path: Path) -> None:
    pytest.importorskip("pip", reason="installing needs pip")
    (wheel,) = distributions.glob("*.whl")
    run(
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        tmp_path,
        wheel,
        cwd=tmp_path,
    )
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)], name="lossref")
    needed = [requirement for requirement in found.requires or [] if "extra ==" not in requirement]
    assert [re.split(r"[^a-z]", requirement)[0] for requirement in needed] == ["torch"]
    where = run("-c", "import lossref; print(lossref.__file__, lossref.__version__)", cwd=tmp_path)
    assert where.split() == [str(tmp_path / "lossref" / "__init__.py"), lossref.__version__]


def test_import_is_quick_and_brings_nothing_but_torch() -> None:
    program = """
import sys, time, torch
before = set(sys.modules)
start = time.process_time()  # others may be busy
import lossref
print(time.process_time() - start)
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(new - set(sys.stdlib_module_names)))
"""
    results = [run("-c", program, cwd=ROOT).splitlines() for _ in range(3)]
    assert min(float(seconds) for seconds, _ in results) < 0.1
    assert {modules for _, modules in results} == {"lossref"}


def test_a_strict_type_checker_accepts_a_user_and_catches_a_slip(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    user = tmp_path / "user.py"
    good = """
import torch
import lossref

x = torch.zeros(2, 3)
loss: torch.Tensor = lossref.huber_loss(x, x, reduction="sum", delta=0.5, weight=x)
loss = lossref.cross_entropy(x, torch.tensor([0, 1]), torch.ones(3), label_smoothing=0.1)
loss = lossref.binary_cross_entropy_with_logits(x, x, pos_weight=torch.ones(3))
version: str = lossref.__version__
"""
    bad = {
        'lossref.l1_loss(x, x, reduction="average")': "arg-type",
        "lossref.l1_loss(x, 1.0)": "arg-type",
        'lossref.mse_loss(x, x, "sum")': "call-arg|misc",
        "lossref.smooth_l1_loss(x, x, delta=1.0)": "call-arg",
    }
    user.write_text(good + "\n".join(bad) + "\n")
    output, _, _ = api.run(["--strict", "--cache-dir", str(ROOT / ".mypy_cache"), str(user)])
    errors = [line for line in output.splitlines() if ": error:" in line]
    lines = [int(line.split(":")[1]) for line in errors]
    first = len(good.splitlines()) + 1
    assert lines == list(range(first, first + len(bad))), output
    for line, kind in zip(errors, bad.values(), strict=True):
        assert re.search(rf"\[({kind})\]", line), line


def test_all_names_are_public_documented_and_have_the_parts_of_a_docstring() -> None:
    functions = [name for name in lossref.__all__ if not name.startswith("_")]
    assert sorted(lossref.__all__) == lossref.__all__
    for name in functions:
        text = getattr(lossref, name).__doc__
        sections = ["Args:", "Returns:", "Raises:", "Note:", "Source:", "Example:"]
        places = [text.index(f"\n    {section}\n") for section in sections]
        assert places == sorted(places)
        assert text.count(".. math::") == 1


def test_the_example_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = F.huber_loss
    monkeypatch.setattr(F, "huber_loss", theirs)  # puts it back at the end
    page = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    names = {"prediction": torch.tensor([1.0, 5.0]), "target": torch.tensor([0.5, 1.0])}
    expected = theirs(*names.values(), delta=1.5)
    exec(code, names)
    assert F.huber_loss is lossref.huber_loss
    torch.testing.assert_close(names["loss"], expected)
