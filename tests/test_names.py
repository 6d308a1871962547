"""`make test NAMES=huber` runs what belongs to Huber's page and functions, and nothing else."""

import subprocess
import sys

import pytest

from tests.conftest import of_pages
from tests.pages import ROOT


@pytest.mark.parametrize(
    "test",
    [
        "lossref/huber.py::lossref.huber.huber_loss",
        "tests/test_huber.py::test_limits",
        "tests/test_conformance.py::test_sample[smooth_l1_loss-float32]",
        "tests/browser/test_pages.py::test_page[chapters/huber.html]",
        "notebooks/huber.ipynb::Cell 3",
    ],
)
def test_a_page_has_its_tests_and_those_of_its_functions(test):
    assert of_pages(["huber"]).search(test)
    assert of_pages(["bce", "huber"]).search(test)
    assert not of_pages(["bce"]).search(test)


def test_a_name_inside_another_is_not_meant():
    assert not of_pages(["l2"]).search("tests/browser/test_pages.py::test_page[chapters/xl2.html]")


@pytest.mark.parametrize(
    ("name", "function"),
    [("huber", "pseudo_huber_loss"), ("l1", "smooth_l1_loss"), ("cross_entropy", "linear_cross_entropy")],
)
def test_a_function_with_another_in_its_name_is_not_meant(name, function):
    assert not of_pages([name]).search(f"tests/test_half.py::test_every_value[{function} {{}}-torch.float16]")
    assert not of_pages([name]).search(f"lossref/other.py::lossref.other.{function}")


def test_an_unknown_name_is_refused():
    command = [sys.executable, "-m", "pytest", "--names", "huber hinge", "tests/test_names.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no page or loss is called hinge; there are adaptive_softmax, bce, " in done.stderr
