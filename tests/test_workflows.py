"""The files that other machines read are what those machines expect: GitHub's workflows, the citation."""

import re
import subprocess
import sys

import pytest

from tests.pages import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def check(path, schema="vendor.github-workflows"):
    """Hold a file against a schema that check-jsonschema brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid(path):
    done = check(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_starts_with_no_more_than_reading(path):
    assert "\npermissions:\n  contents: read\n" in path.read_text()


def test_binder_has_the_python_that_the_tests_have():
    tested = re.search(r'python-version: "([\d.]+)"', WORKFLOWS[0].read_text())[1]
    assert (ROOT / ".binder" / "runtime.txt").read_text() == f"python-{tested}\n"


def test_citation_is_valid():
    done = check(ROOT / "CITATION.cff", "vendor.citation-file-format")
    assert done.returncode == 0, done.stdout


def test_the_check_bites(tmp_path):
    broken = tmp_path / "book.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("runs-on", "run-on"))
    assert check(broken).returncode != 0
