"""The kit for anybody's loss finds what the field got wrong, raises no false alarm, and speaks plainly."""

import contextlib
import io
import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import lossref
from lossref.testing import LAWS, BrokenLaw, as_test, check
from lossref.testing.domains import DOMAINS
from lossref.testing.subject import literal
from tests.pages import ROOT
from tests.planted import PLANTED, signed_residual

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def pasted(code: str) -> str:
    """Run a counterexample as somebody would who pastes it; return what it prints, or the error's name."""
    *lines, last = code.splitlines()
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec("\n".join([*lines, last.replace("print(", "print(literal(", 1) + ")"]), {"literal": literal})
    except Exception as error:
        return type(error).__name__
    return said.getvalue().strip()


def test_there_are_twenty_faults_each_with_a_report():
    assert len({loss for loss, *_ in PLANTED}) >= 20
    assert all(report.count("#") == 1 for *_, report in PLANTED)


@pytest.mark.parametrize(
    ("loss", "like", "law", "report"), PLANTED, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_planted_fault_is_found(loss, like, law, report):
    found = check(loss, like, laws=[law]).broken[law]
    example = found.counterexample
    assert example.expected != example.came
    assert pasted(example.code) == example.came.partition(":")[0]


@pytest.mark.parametrize("name", DOMAINS)
def test_no_false_alarm_on_lossref(name):
    check(getattr(lossref, name), name, raise_on_failure=True)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def of_adaptive_softmax(
    input: Tensor, target: Tensor, head_weight: Tensor, down: Tensor, up: Tensor, reduction: str = "mean"
) -> Tensor:
    """The loss on tensors alone, with one cluster."""
    return lossref.adaptive_log_softmax_with_loss(
        input, target, head_weight, [(down, up)], reduction=reduction
    )


LENGTHS = torch.tensor([4, 3]), torch.tensor([2, 1])
SPOKEN = normal(4, 2, 3).log_softmax(2), torch.tensor([[1, 1], [2, 0]]), *LENGTHS
WORDS = normal(5, 3), normal(7, 3), torch.tensor([0, 6, 2, 2, 5])
SMOOTH = {"linear_bias": normal(7), "weight": normal(7).exp(), "label_smoothing": 0.1, "ignore_index": 2}
CLUSTERED = normal(4, 6), torch.tensor([0, 2, 4, 5]), normal(4, 6), normal(2, 6), normal(3, 2)
OF_OTHER_SHAPES = [
    (lossref.ctc_loss, [(SPOKEN, {}), (SPOKEN, {"zero_infinity": True})]),
    (lossref.linear_cross_entropy, [(WORDS, {}), (WORDS, SMOOTH)]),
    (of_adaptive_softmax, [(CLUSTERED, {})]),
]


@pytest.mark.parametrize(("loss", "samples"), OF_OTHER_SHAPES, ids=lambda each: getattr(each, "__name__", ""))
def test_no_false_alarm_on_losses_of_other_shapes(loss, samples):
    laws = set(LAWS) - {"compiled"}  # which takes its time, and is in their own tests
    report = check(loss, formula=loss, samples=samples, laws=laws, raise_on_failure=True)
    assert report.count("held") >= 10


def faults_of_torch() -> dict[str, list[str]]:
    """Return which laws the functions of torch break, by the table in the book."""
    page = (ROOT / "chapters" / "custom.md").read_text(encoding="utf-8")
    table = page.partition("### What the kit says of PyTorch")[2].partition("\n### ")[0]
    return {
        name: laws.split(", ")
        for name, laws in re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|$", table, re.MULTILINE)
    }


@pytest.mark.parametrize("name", [name for name in DOMAINS if hasattr(F, name)])
def test_the_faults_of_torch_are_those_in_the_book(name):
    assert list(check(getattr(F, name), name).broken) == faults_of_torch().get(name, [])


def pinball(input: Tensor, target: Tensor, tau: float = 0.5) -> Tensor:
    return torch.maximum(tau * (target - input), (tau - 1) * (target - input))


def test_a_loss_unlike_any():
    x, y = torch.tensor([[0.5, 2.0], [-1.0, 3.0]]).double().unbind()
    samples = [((x, y), {"tau": 0.9}), ((x, y), {})]
    report = check(pinball, formula=pinball, samples=samples)
    assert report.broken == {}
    assert report.count("held") >= 5
    upside_down = check(
        lambda input, target, tau=0.5: pinball(input, target, 1 - tau), formula=pinball, samples=samples
    )
    assert "value" in upside_down.broken


def without_welsch(input: Tensor, target: Tensor, alpha: float = 1, **options) -> Tensor:
    return lossref.general_robust_loss(input, target, alpha=max(alpha, -9.0), **options)


def test_an_option_may_be_infinite():
    example = check(without_welsch, "general_robust_loss", laws=["value"]).broken["value"].counterexample
    assert "alpha=-torch.inf" in example.code
    assert example.expected != example.came == pasted(example.code)


def test_a_module_is_a_loss():
    report = check(torch.nn.HuberLoss(reduction="none"), "huber_loss", laws=["value", "reductions"])
    assert [each.outcome for each in report.results] == ["held", "not applicable"]


def test_a_loss_may_have_no_reduction():
    assert (
        check(
            lambda input, target: ((input - target) ** 2).mean(), "mse_loss", laws=["value", "gradient"]
        ).broken
        == {}
    )
    wrong = check(
        lambda input, target: ((input - target) ** 2).sum(1).mean(), "mse_loss", laws=["reductions"]
    )
    assert (
        wrong.broken["reductions"].note
        == "the mean is wrong: it divides by 6 (rows), and should by 24 (elements)"
    )


def test_a_report_can_be_read():
    report = check(signed_residual, "huber_loss", laws=["value", "smoothing"])
    text = str(report)
    assert text.startswith("signed_residual, like huber_loss: 0 held, 1 broken, 1 not applicable")
    assert "from tests.planted import signed_residual as loss" in text
    assert "# expected " in text
    assert "| value | broken |" in report._repr_markdown_()
    with pytest.raises(BrokenLaw, match="1 broken"):
        report.raise_if_broken()


def test_a_test_for_each_law():
    test = as_test(signed_residual, "huber_loss")
    (mark,) = test.pytestmark
    assert mark.args == ("law", list(LAWS))
    test("purity")
    with pytest.raises(BrokenLaw):
        test("value")
    with pytest.raises(pytest.skip.Exception, match="label_smoothing"):
        test("smoothing")


@pytest.mark.parametrize(
    ("loss", "given", "error", "message"),
    [
        (3, {"like": "l1_loss"}, TypeError, "loss must be a function or a module, got 3"),
        (torch.nn.L1Loss, {"like": "l1_loss"}, TypeError, r"pass an instance, L1Loss\(\)"),
        (F.l1_loss, {"like": "l1"}, ValueError, "like must be one of l1_loss"),
        (F.l1_loss, {}, TypeError, "say what the loss is like"),
        (
            F.l1_loss,
            {"like": "l1_loss", "laws": ["colour"]},
            ValueError,
            "there is no law colour; there are value,",
        ),
        (lambda x, y, z: x, {"like": "l1_loss"}, TypeError, "takes input and target by position"),
        (lambda x, y: 1.0, {"like": "l1_loss"}, TypeError, "returned float; a loss returns a Tensor"),
        (
            lambda x, y: x @ y,
            {"like": "l1_loss"},
            ValueError,
            "raised at the first ordinary input: RuntimeError",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_checked_is_said(loss, given, error, message):
    with pytest.raises(error, match=message):
        check(loss, **given)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lossref.testing", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_line():
    good = run("lossref:huber_loss", "--like", "huber_loss", "--laws", "value", "rows")
    assert (good.returncode, good.stdout.splitlines()[0]) == (
        0,
        "huber_loss, like huber_loss: 2 held, 0 broken, 0 not applicable",
    )
    assert "held  rows" in good.stderr
    bad = run("tests.planted:signed_residual", "--like", "huber_loss", "--laws", "value")
    assert (bad.returncode, "# expected" in bad.stdout) == (1, True)
    for word, said in (
        ("lossref", "package.module:function"),
        ("lossref:nothing", "nothing"),
        ("no_such:f", "no_such"),
    ):
        refused = run(word, "--like", "huber_loss")
        assert (refused.returncode, said in refused.stderr) == (2, True)


def test_one_law_by_its_name():
    report = check(F.l1_loss, like="l1_loss", laws="value")
    assert [result.law for result in report.results] == ["value"]
