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


def unpinned(text):
    """Actions whose code could change: not named by their commit, with the version for those who read."""
    pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)*"
    return [use for use in re.findall(r"uses: *(.*)", text) if not re.fullmatch(pinned, use)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(path):
    assert "uses:" in path.read_text()
    assert unpinned(path.read_text()) == []


def test_the_check_of_pins_bites():
    commit = "3d3c42e5aac5ba805825da76410c181273ba90b1"
    faults = ["actions/checkout@v7", f"actions/checkout@{commit}", f"actions/checkout@{commit[:-1]} # v7.0.1"]
    text = "\n".join(f"- uses: {use}" for use in [f"actions/checkout@{commit} # v7.0.1", *faults])
    assert unpinned(text) == faults


def test_only_the_job_that_publishes_may_speak_for_the_repository():
    jobs = {path.name: path.read_text().split("\njobs:\n")[1] for path in WORKFLOWS}
    assert {name for name, text in jobs.items() if "write" in text} == {"book.yml", "release.yml"}
    for name in ("book.yml", "release.yml"):
        first, last = re.split(r"\n  (?:deploy|publish):\n", jobs[name])
        assert "write" not in first
        assert "actions/checkout" not in last, "it runs what the repository holds"


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
