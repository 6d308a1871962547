"""The printed formulas are executed: LaTeX from docstrings and chapters is evaluated and compared with code.

`latex.py` evaluates. An equation that is added to a chapter needs a twin in `TWINS`: a line of other code.
"""

import inspect
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Categorical, Laplace, Normal, kl_divergence

import lossref
from lossref._reduction import reduce
from tests.latex import Equation, FormulaError, gradient
from tests.pages import ROOT

PAGES = [ROOT / "intro.md", *sorted(ROOT.glob("chapters/*.md"))]


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def uniform(low, high, *size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(size, generator=generator, dtype=torch.float64)


def one_hot(label, classes):
    return F.one_hot(torch.tensor(label), classes).double()


# ---- Each function computes the formula that its docstring prints.


def docstring_formula(name):
    (block,) = re.findall(r"\.\. math::\n((?: +.*\n)+)", inspect.getdoc(getattr(lossref, name)))
    return block


# The symbols of the formulas, and what the functions call them.
ARGUMENTS = {"x": "input", "p": "input", "y": "target", "q": "target", "w": "weight"}
ARGUMENTS |= {"alpha": "pos_weight", "epsilon": "label_smoothing", "delta": "delta", "beta": "beta"}


def real(*kinks):
    """Return pairs whose residuals are random, zero, or exactly at a kink."""
    y = uniform(-4, 4, 40).mul(8).round() / 8
    residual = torch.cat(
        [uniform(-4, 4, 40 - 1 - 2 * len(kinks), seed=1), vector(0, *kinks), -vector(*kinks)]
    )
    return {"x": y + residual, "y": y}


def yes_or_no(**more):
    return {"y": torch.cat([vector(0, 1).repeat(10), uniform(0, 1, 20)]), **more}


WEIGHTS = uniform(0.1, 3, 40, seed=2)
LOGITS = torch.cat([uniform(-4, 4, 34), vector(-30, -30, 0, 0, 30, 30)])
CLASSES = {"C": 4, "x": uniform(-5, 5, 4), "q": uniform(0, 1, 4, seed=1), "w": uniform(0, 3, 4, seed=2)}
CASES = {
    "l1_loss": [real()],
    "mse_loss": [real()],
    "huber_loss": [real(delta) | {"delta": delta} for delta in (0.5, 1.0, 2.5)],
    "smooth_l1_loss": [real(beta) | {"beta": beta} for beta in (0.0, 0.5, 1.0, 2.5)],
    "binary_cross_entropy": [yes_or_no(p=uniform(0, 1, 40, seed=1), w=w) for w in (1.0, WEIGHTS)],
    "binary_cross_entropy_with_logits": [
        yes_or_no(x=LOGITS, w=w, alpha=alpha) for w in (1.0, WEIGHTS) for alpha in (1.0, 0.3, WEIGHTS.flip(0))
    ],
    "cross_entropy": [CLASSES | {"epsilon": share} for share in (0.0, 0.1, 1.0)]
    + [CLASSES | {"epsilon": share, "q": one_hot(label, 4)} for share in (0.0, 0.1) for label in range(4)]
    + [{"C": 3, "x": vector(300, 0, -300), "q": vector(1, 0, 0), "w": vector(1, 1, 1), "epsilon": 0.0}],
}


def call(name, prediction, case):
    """Return the unreduced loss of a case."""
    options = {ARGUMENTS[symbol]: value for symbol, value in case.items() if symbol != "C"}
    options["input"] = prediction
    for key in ("weight", "pos_weight"):
        if key in options:
            options[key] = torch.as_tensor(options[key], dtype=torch.float64)
    return getattr(lossref, name)(**options, reduction="none")


def check_formula(latex, name):
    """Complain if a formula and a function differ, in value or gradient."""
    equation = Equation(latex)
    for case in CASES[name]:
        symbol = "p" if "p" in case else "x"
        prediction = case[symbol].clone().requires_grad_()
        loss = call(name, prediction, case)
        torch.testing.assert_close(equation.value(**case), loss.detach(), rtol=1e-10, atol=1e-12)
        (ours,) = torch.autograd.grad(loss.sum(), prediction)
        slope = gradient(lambda x: equation.value(**case | {symbol: x}), case[symbol])  # noqa: B023
        torch.testing.assert_close(slope, ours, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(lossref.__all__) - {"__version__"}))
def test_a_function_computes_its_docstring(name):
    check_formula(docstring_formula(name), name)


def test_class_indices_are_the_one_hot_case_of_the_formula():
    for label in range(4):
        x, w = CLASSES["x"], CLASSES["w"]
        by_index = lossref.cross_entropy(x, torch.tensor(label), w, reduction="none", label_smoothing=0.1)
        formula = Equation(docstring_formula("cross_entropy"))
        torch.testing.assert_close(
            by_index, formula.value(**CLASSES | {"q": one_hot(label, 4), "epsilon": 0.1})
        )


def test_certain_and_wrong_probabilities_have_the_printed_loss_and_gradient():
    formula = Equation(docstring_formula("binary_cross_entropy"))
    p, y = (
        grid.flatten() for grid in torch.meshgrid(vector(0, 1e-50, 1e-3, 1), vector(0, 0.3, 1), indexing="ij")
    )
    x = p.clone().requires_grad_()
    loss = lossref.binary_cross_entropy(x, y, reduction="none")
    torch.testing.assert_close(formula.value(p=p, y=y, w=1.0), loss.detach())
    (ours,) = torch.autograd.grad(loss.sum(), x)
    torch.testing.assert_close(Equation(note_gradient("binary_cross_entropy")).value(p=p, y=y), ours)


def note_gradient(name):
    """Return the gradient that a docstring's note prints."""
    note = inspect.getdoc(getattr(lossref, name)).partition("Note:")[2]
    return re.search(r"gradient.*?:math:`(.*?)`", note, re.DOTALL)[1]


@pytest.mark.parametrize(
    "name", ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy"]
)
def test_the_gradient_in_a_note_is_the_functions(name):
    formula = Equation(docstring_formula(name))
    case = CASES[name][0] | {"w": 1.0 if name != "cross_entropy" else torch.ones(4, dtype=torch.float64)}
    case |= {"q": CLASSES["q"] / CLASSES["q"].sum()} if "q" in case else {}
    symbol = "p" if "p" in case else "x"
    x = case[symbol].clone().requires_grad_()
    (ours,) = torch.autograd.grad(call(name, x, case).sum(), x)
    printed = Equation(note_gradient(name), formula.definitions)
    torch.testing.assert_close(printed.value(**case), ours, rtol=1e-9, atol=1e-12)


# What books and hasty editors print: function, what is right, what is wrong.
MUTANTS = [
    ("l1_loss", r"x - y", r"x + y"),
    ("l1_loss", r"\lvert x - y \rvert", r"(x - y)"),
    ("mse_loss", r"^2", r"^3"),
    ("mse_loss", r"= (x", r"= \frac{1}{2} (x"),
    ("mse_loss", r"(x - y)^2", r"x - y^2"),
    ("huber_loss", r"\frac{1}{2} r^2", r"r^2"),
    ("huber_loss", r"< \delta", r"> \delta"),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert - \delta"),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert + \frac{1}{2} \delta"),
    ("huber_loss", r"\delta \left(", r"\left("),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert - \frac{1}{2}"),
    ("huber_loss", r"\lvert r \rvert < \delta", r"r < \delta"),
    ("huber_loss", r"r = x - y", r"r = x + y"),
    (
        "huber_loss",
        r"\text{otherwise}",
        r"\text{if } \lvert r \rvert > \delta",
    ),  # what of the threshold itself?
    ("smooth_l1_loss", r"\frac{1}{2 \beta}", r"\frac{1}{2}"),
    ("smooth_l1_loss", r"\frac{1}{2} \beta", r"\frac{1}{2}"),
    ("smooth_l1_loss", r"\lvert r \rvert < \beta", r"\lvert r \rvert \le \beta"),  # at beta = 0 that is 0 / 0
    ("binary_cross_entropy", r"-w", r"w"),
    ("binary_cross_entropy", r"-w", r"-"),
    ("binary_cross_entropy", r"(1 - y) \max", r"(1 + y) \max"),
    ("binary_cross_entropy", r"\log p", r"\log (1 - p)"),
    ("binary_cross_entropy", r"y \max(\log p, -100) + (1 - y)", r"(1 - y) \max(\log p, -100) + y"),
    ("binary_cross_entropy_with_logits", r"-w", r"w"),
    ("binary_cross_entropy_with_logits", r"\alpha y", r"y"),
    ("binary_cross_entropy_with_logits", r"\sigma(-x)", r"\sigma(x)"),
    ("binary_cross_entropy_with_logits", r"(1 - y) \log", r"\alpha (1 - y) \log"),
    ("binary_cross_entropy_with_logits", r"e^{-x}", r"e^{x}"),
    ("cross_entropy", r"-\sum_{c=1}^{C}", r"\sum_{c=1}^{C}"),
    ("cross_entropy", r"\frac{\varepsilon}{C}", r"\frac{\varepsilon}{C - 1}"),
    ("cross_entropy", r"(1 - \varepsilon) q_c", r"q_c"),
    ("cross_entropy", r"w_c", r""),
    ("cross_entropy", r"j=1", r"j=2"),
    ("cross_entropy", r"\log \frac", r"\frac"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), MUTANTS)
def test_a_wrong_formula_is_caught(name, right, wrong):
    formula = docstring_formula(name)
    assert formula.count(right) >= 1, (
        "the mutant is out of date: the docstring no longer holds what it replaces"
    )
    with pytest.raises(AssertionError, match="not close"):
        check_formula(formula.replace(right, wrong, 1), name)


def test_a_floor_left_out_of_bce_is_caught():
    wrong = r"\ell = -y \log p - (1 - y) \log(1 - p)"
    p, y = vector(0.0), vector(1.0)
    assert lossref.binary_cross_entropy(p, y) == 100 != Equation(wrong).value(p=p, y=y)


# ---- Each labelled equation of the book says what its twin computes.

# The first labelled equation of a loss is the docstring's, letter by letter.
FIRST = {
    "eq-l1": "l1_loss",
    "eq-l2": "mse_loss",
    "eq-huber": "huber_loss",
    "eq-smooth-l1": "smooth_l1_loss",
    "eq-bce": "binary_cross_entropy",
    "eq-bce-logits": "binary_cross_entropy_with_logits",
    "eq-cross-entropy": "cross_entropy",
}

# What the symbols stand for, chapter by chapter, where a twin says nothing else.
N, C = 12, 4
RESIDUALS = torch.cat([vector(0, 0, 0.25, -0.25, 0.375, -0.375), uniform(-3, 3, N - 6, seed=3)])
TARGETS = uniform(-3, 3, N, seed=4).mul(8).round() / 8  # so that adding a residual of 0 or 1/4 is exact
COMMON = {
    "x": TARGETS + RESIDUALS,
    "y": TARGETS,
    "c": uniform(-3, 3, seed=5),
    "w": uniform(0.5, 2, N, seed=6),
    **{name: uniform(0.5, 2, seed=7 + k) for k, name in enumerate(("sigma", "b", "delta", "beta", "alpha"))},
}
NUMBERS = {
    "bce": COMMON
    | {
        "p": uniform(0.01, 0.99, N, seed=12),
        "q": uniform(0, 1, N, seed=13),
        "y": vector(0, 1, 0.3).repeat(4),
    },
    "cross_entropy": COMMON
    | {"x": uniform(-3, 3, C), "w": uniform(0.5, 2, C, seed=1), "epsilon": 0.1}
    | {"p": uniform(-1, 1, C, seed=14).softmax(0), "q": uniform(-1, 1, C, seed=15).softmax(0)},
}
NUMBERS["choosing"] = COMMON | {"p": NUMBERS["bce"]["p"], "q": NUMBERS["bce"]["q"], "epsilon": 0.1}
NUMBERS["choosing"] |= {"a": vector(1, 1, 2), "m": vector(1, 19, 3)}  # what a false alarm costs, and a miss
MICRO = torch.tensor([5, 4, 3])  # sizes of micro-batches, N in all
SQUARES = F.mse_loss(COMMON["x"], COMMON["y"], reduction="none")
SPREAD = (COMMON["y"].mean() - COMMON["y"]) ** 2
NUMBERS["reductions"] = COMMON | {
    "ell": SQUARES,
    "n": MICRO.double(),
    "m": torch.stack([part.mean() for part in SQUARES.split(MICRO.tolist())]),
    "g": uniform(-1, 1, 3, 5, seed=17),
    "mu": uniform(-1, 1, 3, seed=18),
    "sigma": uniform(0.5, 2, 3, seed=19),
}
NUMBERS["custom"] = COMMON | {
    "tau": vector(0.3).squeeze(),
    "gamma": vector(1.5).squeeze(),
    "alpha": vector(0.25).squeeze(),
    "p": uniform(0.02, 0.98, N, seed=21),
}
ONES, YES_NO, TRUE_CLASS = torch.ones(N, dtype=torch.float64), vector(0, 1).repeat(6), one_hot(2, C)
LABELS = vector(1, 4, 2, 2, 3, 1).repeat(2)  # in formulas the first class is 1
ROWS = uniform(-3, 3, N, C, seed=16).softmax(dim=1)
STEP = 1e-3
GRID = torch.arange(-60, 60, STEP, dtype=torch.float64)


def slope(loss, x, *rest, **options):
    """Return the derivative of a loss with respect to its input, by autograd."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(x, *rest, **options).sum(), x)[0]


def total(loss):
    """Give a loss the reduction by which each element has its own slope."""
    return lambda *arguments, **options: loss(*arguments, **options, reduction="sum")


def huber(x, y, delta):
    return F.huber_loss(x, y, delta=delta.item(), reduction="none")


def huber_mass(delta):
    """Integrate exp(-Huber) numerically."""
    return (-huber(GRID, torch.zeros_like(GRID), delta)).exp().sum() * STEP


def clipped_square(delta):
    """Integrate the square of clipped Gaussian noise numerically."""
    normal = Normal(zero := torch.zeros_like(delta), zero + 1)
    return (GRID.clamp(-delta, delta) ** 2 * normal.log_prob(GRID).exp()).sum() * STEP


def huber_efficiency(delta):
    """Return the variance of the mean of Gaussian noise over that of Huber's estimate of its centre."""
    normal = Normal(zero := torch.zeros_like(delta), zero + 1)
    return (1 - 2 * normal.cdf(-delta)) ** 2 / clipped_square(delta)


def best_logit(share, alpha):
    """Find, by halving, the logit of least mean loss where a share of the labels is positive."""
    low, high = torch.full_like(share, -50), torch.full_like(share, 50)
    for _ in range(60):
        middle = (low + high) / 2
        rises = slope(F.binary_cross_entropy_with_logits, middle, share, pos_weight=alpha) > 0
        low, high = torch.where(rises, low, middle), torch.where(rises, middle, high)
    return middle


OFF_TARGETS = uniform(-3, 3, N, seed=22)  # no residual is exactly 0


def pinball(x, y, tau):
    """Return the quantile loss: what is too low costs tau, what is too high 1 - tau."""
    return torch.where(x < y, tau, 1 - tau) * F.l1_loss(x, y, reduction="none")


def focal(x, y, gamma, alpha=None):
    """Return the focal loss of logits, for labels that are 0 or 1."""
    truth = (x * (2 * y - 1)).sigmoid()
    weight = 1 if alpha is None else torch.where(y == 1, alpha, 1 - alpha)
    bce = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    return weight * (1 - truth) ** gamma * bce


def best_focal_share(p, gamma):
    """Return the share of positives for which p is the stationary report under the focal loss."""
    yes, no = (slope(focal, p.logit(), y, gamma=gamma) for y in (ONES, 1 - ONES))
    return no / (no - yes)


BEST = best_logit(NUMBERS["bce"]["q"], COMMON["alpha"])
P_BEST = BEST.sigmoid()


def best_threshold(a, m):
    """Find, by halving, the probability at which an alarm costs as much as none: a or m where it is wrong."""
    low, high = torch.zeros_like(a), torch.ones_like(a)
    for _ in range(60):
        middle = (low + high) / 2
        alarm = middle * m > (1 - middle) * a
        low, high = torch.where(alarm, low, middle), torch.where(alarm, middle, high)
    return middle


def expected_square(p, q):
    """Return the mean squared error of a report p of an event with probability q."""
    yes, no = (F.mse_loss(p, torch.full_like(p, y), reduction="none") for y in (1, 0))
    return q * yes + (1 - q) * no


# By label, what the equation must be equal to, computed by other code. A twin's parameters are symbols of the
# equation (`sigma` is a Greek letter, `x_0` has a subscript): NUMBERS or a default says their values.
TWINS = {
    # chapters/l1.md
    "eq-l1": lambda x, y: F.l1_loss(x, y, reduction="none"),
    "eq-mae": lambda x, y: F.l1_loss(x, y),
    "eq-l1-density": lambda x, y, b: Laplace(x, b).log_prob(y).exp(),
    "eq-l1-nll": lambda x, y, b: -Laplace(x, b).log_prob(y),
    "eq-l1-gradient": lambda x, y: slope(total(F.l1_loss), x, y),
    "eq-l1-count": lambda c, y: ((y < c).double() - (y > c).double()).mean(),
    "eq-l1-weighted": lambda x, y, w: F.l1_loss(x, y, weight=w),
    # chapters/l2.md
    "eq-l2": lambda x, y: F.mse_loss(x, y, reduction="none"),
    "eq-mse": lambda x, y: F.mse_loss(x, y),
    "eq-l2-density": lambda x, y, sigma: Normal(x, sigma).log_prob(y).exp(),
    "eq-l2-nll": lambda x, y, sigma: -Normal(x, sigma).log_prob(y),
    "eq-l2-gradient": lambda x, y: slope(total(F.mse_loss), x, y),
    "eq-l2-split": lambda c, y: F.mse_loss(c.expand_as(y), y),
    "eq-l2-variance": lambda y: y.var(correction=0),
    "eq-l2-rmse": lambda x, y: F.mse_loss(x, y).sqrt(),
    "eq-l2-weighted": lambda x, y, w: F.mse_loss(x, y, weight=w),
    # chapters/huber.md
    "eq-huber": huber,
    "eq-smooth-l1": lambda x, y, beta: F.smooth_l1_loss(x, y, beta=beta.item(), reduction="none"),
    "eq-huber-gradient": lambda x, y, delta: slope(huber, x, y, delta=delta),
    "eq-huber-density": lambda delta, r=RESIDUALS: (-huber(r, 0 * r, delta)).exp() / huber_mass(delta),
    "eq-huber-normaliser": huber_mass,
    "eq-huber-inside": lambda delta: 1 - 2 * Normal(zero := torch.zeros_like(delta), zero + 1).cdf(-delta),
    "eq-huber-clipped": clipped_square,
    "eq-huber-efficiency": huber_efficiency,
    # chapters/bce.md
    "eq-bce": lambda p, y, w: F.binary_cross_entropy(p, y, w, reduction="none"),
    "eq-bce-mean": lambda p, y: F.binary_cross_entropy(p, y),
    "eq-bce-bernoulli": lambda p, y=YES_NO: Bernoulli(p).log_prob(y).exp(),
    "eq-bce-nll": lambda p, y=YES_NO: -Bernoulli(p).log_prob(y),
    "eq-bce-logit": lambda p: p.logit(),
    "eq-bce-sigmoid": lambda x: x.sigmoid(),
    "eq-bce-sigmoid-slope": lambda x: slope(torch.sigmoid, x),
    "eq-bce-logits": lambda x, y, w, alpha: (
        w * F.binary_cross_entropy_with_logits(x, y, pos_weight=alpha, reduction="none")
    ),
    "eq-bce-gradient": lambda p, y, w=ONES: slope(total(F.binary_cross_entropy), p, y),
    "eq-bce-logits-gradient": lambda x, y, w=ONES, alpha=ONES: slope(
        total(F.binary_cross_entropy_with_logits), x, y
    ),
    "eq-bce-entropy": lambda q: Bernoulli(q).entropy(),
    "eq-bce-divergence": lambda p, q: kl_divergence(Bernoulli(q), Bernoulli(p)),
    "eq-bce-stable": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    "eq-bce-two": lambda x_0=COMMON["x"], x_1=COMMON["y"]: torch.stack([x_0, x_1]).softmax(dim=0)[1],
    "eq-bce-undo": lambda q, alpha, p=P_BEST: BEST,
    # chapters/cross_entropy.md
    "eq-cross-entropy": lambda x, q, w, epsilon: F.cross_entropy(x, q, w, label_smoothing=epsilon),
    "eq-cross-entropy-softmax": lambda x: x.softmax(dim=0),
    "eq-cross-entropy-shift": lambda x, t=37.0: x.softmax(dim=0),
    "eq-cross-entropy-likelihood": lambda p, q=TRUE_CLASS: Categorical(p).log_prob(q.argmax()).exp(),
    "eq-cross-entropy-index": lambda x, y=3: F.cross_entropy(x, torch.tensor(y - 1)),
    "eq-cross-entropy-gradient": lambda x, q, w=ONES[:C], epsilon=0: slope(F.cross_entropy, x, q),
    "eq-cross-entropy-entropy": lambda q: Categorical(q).entropy(),
    "eq-cross-entropy-divergence": lambda p, q: kl_divergence(Categorical(q), Categorical(p)),
    "eq-cross-entropy-split": lambda p, q: F.cross_entropy(p.log(), q),
    "eq-cross-entropy-logsumexp": lambda x, m=2.5: x.logsumexp(dim=0),
    "eq-cross-entropy-floor": lambda: F.cross_entropy(TRUE_CLASS, torch.tensor(2)),
    "eq-cross-entropy-mean": lambda w, p=ROWS, y=LABELS: F.nll_loss(p.log(), y.long() - 1, w),
    # chapters/reductions.md
    "eq-reductions-mean": lambda x, y, ell: F.mse_loss(x, y),
    "eq-reductions-divisor": lambda ell, w, D=7.0: reduce(w * ell, "mean", divisor=torch.tensor(D)),
    "eq-reductions-weighted": lambda x, y, ell, w: F.mse_loss(x, y, weight=w),
    "eq-reductions-factor": lambda x, y, ell, w: F.huber_loss(x, y, weight=w, delta=1e9) * 2,
    "eq-reductions-kl": lambda mu, sigma, J=3: kl_divergence(
        Normal(mu, sigma), Normal(0 * mu, 1 + 0 * mu)
    ).sum(),
    "eq-reductions-split": lambda x, y, ell, n, m, K=3: F.mse_loss(x, y),
    "eq-reductions-ddp": lambda g, R=3: g.mean(dim=0),
    "eq-reductions-factor-ddp": lambda n, R=3: n / n.mean(),
    # chapters/custom.md
    "eq-custom-log-cosh": lambda x, y: (x - y).cosh().log(),
    "eq-custom-log-cosh-gradient": lambda x, y: (x - y).tanh(),
    "eq-custom-log-cosh-stable": lambda x, y: (x - y).cosh().log(),
    "eq-custom-log-cosh-small": lambda x, y: (x - y).cosh().log(),
    "eq-custom-quantile": lambda x, y, tau: pinball(x, y, tau),
    "eq-custom-quantile-gradient": lambda y, tau, x=OFF_TARGETS: slope(pinball, x, y, tau=tau),
    "eq-custom-focal": lambda gamma, alpha, x=OFF_TARGETS, y=YES_NO: focal(x, y, gamma, alpha),
    "eq-custom-focal-stable": lambda gamma, x=OFF_TARGETS, y=YES_NO: focal(x, y, gamma),
    "eq-custom-focal-gradient": lambda gamma, alpha=1, x=OFF_TARGETS, y=ONES: slope(focal, x, y, gamma=gamma),
    "eq-custom-focal-share": lambda p, gamma: best_focal_share(p, gamma),
    # chapters/choosing.md
    "eq-choosing-skill": lambda x, y, ell=SQUARES, k=SPREAD: 1 - F.mse_loss(x, y) / y.var(correction=0),
    "eq-choosing-threshold": best_threshold,
    "eq-choosing-noise": lambda epsilon, q=NUMBERS["cross_entropy"]["q"]: torch.lerp(q, q.mean(), epsilon),
    "eq-choosing-brier": expected_square,
}


def labelled_equations(text):
    """Return the LaTeX of each labelled equation of a page, by label."""
    found = {}
    for body in re.findall(
        r"^(?:`{3,}|:{3,})\{math\}\n(.*?)^(?:`{3,}|:{3,}) *$", text, re.MULTILINE | re.DOTALL
    ):
        options = dict(re.findall(r"^:(\w+): *(.*?) *$", body, re.MULTILINE))
        if "label" in options:
            assert options["label"] not in found, f"{options['label']} labels two equations"
            found[options["label"]] = re.sub(r"^:\w+:.*\n", "", body, flags=re.MULTILINE)
    return found


def other_labels(text):
    """Return the labels of equations that are written in another way, and would not be tested."""
    written = re.findall(
        r"\$\$ *\(([\w-]+)\) *$|\\label\{(.*?)\}|^[ >]*:label: *(eq-\S+)", text, re.MULTILINE
    )
    return [
        label for labels in written for label in labels if label and label not in labelled_equations(text)
    ]


BOOK = {page.stem: labelled_equations(page.read_text(encoding="utf-8")) for page in PAGES}
LATEX = {label: latex for equations in BOOK.values() for label, latex in equations.items()}


def without_space(latex):
    return re.sub(r"\s", "", latex)


@pytest.mark.parametrize(("label", "name"), FIRST.items())
def test_the_first_equation_of_a_loss_is_its_docstrings(label, name):
    assert label in LATEX, f"no chapter has the equation {label}, the formula of lossref.{name}"
    assert without_space(LATEX[label]) == without_space(docstring_formula(name))


def check_equation(label, equations, twin, numbers=COMMON):
    """Complain if a side of an equation is not what its twin computes."""
    read = {name: Equation(latex) for name, latex in equations.items()}
    order = list(equations)
    here = order.index(label)
    # What was defined last counts; what is only defined further down counts if nothing else does.
    around = [
        definition
        for name in order[here + 1 :] + order[:here]
        for definition in (*read[name].meanings, read[name].defines)
        if definition
    ]
    parameters = inspect.signature(twin).parameters.values()
    names = {p.name: numbers[p.name] if p.default is p.empty else p.default for p in parameters}
    expected = twin(**names)
    names = {"N": N, "C": C} | names
    assert torch.isfinite(expected).all()
    equation = Equation(equations[label], around)
    for side in range(equation.defines is not None, len(equation.sides)):
        torch.testing.assert_close(equation.value(side, **names), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("label", LATEX)
def test_an_equation_is_its_twin(label):
    assert label in TWINS, f"{label} has no twin: add a line to TWINS in {Path(__file__).name}"
    (page,) = (page for page, equations in BOOK.items() if label in equations)
    check_equation(label, BOOK[page], TWINS[label], NUMBERS.get(page, COMMON))


def test_each_twin_has_an_equation():
    assert set(TWINS) - set(LATEX) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_labels_are_unique_and_written_where_the_tests_look(page):
    assert not other_labels(page.read_text(encoding="utf-8")), "label it in a ```{math} block, with :label:"
    assert [
        label for label in BOOK[page.stem] if any(label in BOOK[name] for name in BOOK if name != page.stem)
    ] == []


# What an editor may break: in which equation, what is right, what is wrong, and what must be heard.
BROKEN = [
    ("eq-mse", r"\frac{1}{N} \sum", r"\sum", "not close"),
    ("eq-mse", r"y_i", r"y_j", "do not match"),
    ("eq-mse", r"_{i=1}", r"_{i}", "needs its bounds"),
    ("eq-l2-density", r"\left(-\frac", r"\left(\frac", "not close"),
    ("eq-l2-density", r"\sigma \sqrt{2 \pi}", r"\sqrt{2 \pi}", "not close"),
    ("eq-l2-nll", r"-\log p(", r"\log p(", "not close"),  # the left side
    ("eq-l2-nll", r"{2 \sigma^2}", r"{\sigma^2}", "not close"),
    ("eq-l2-nll", r"\log\left(\sigma \sqrt{2 \pi}\right)", r"\log \sigma \sqrt{2 \pi}", "ambiguous"),
    ("eq-l2-gradient", r"2 (x", r"(x", "not close"),
    ("eq-l2-gradient", r"\partial x}", r"\partial y}", "not close"),
    ("eq-l2-gradient", r"\partial \ell", r"\partial g", "nothing defines g"),
    ("eq-l2-split", r"(c - \bar{y})^2 +", r"(c - \bar{y})^2 -", "not close"),
    ("eq-l2-split", r"+ V", r"+ 2 V", "not close"),
    ("eq-l2-variance", r"\bar{y} - y_i", r"\mu - y_i", "has no value"),
    ("eq-l2-variance", r"\frac{1}{N}", r"\frac{1}{N", "expected"),
    ("eq-custom-log-cosh-stable", r"e^{-2", r"e^{-", "not close"),
    ("eq-custom-quantile", r"(\tau - 1)", r"(1 - \tau)", "not close"),
    ("eq-custom-focal", r"(1 - \alpha)", r"\alpha", "not close"),
    ("eq-custom-focal-gradient", r"+ p - 1", r"- p + 1", "not close"),
    ("eq-custom-focal-share", r"h(1 - p)}{", r"h(p)}{", "not close"),
]


@pytest.mark.parametrize(("label", "right", "wrong", "heard"), BROKEN)
def test_a_wrong_equation_is_caught(label, right, wrong, heard):
    (page,) = (page for page, equations in BOOK.items() if label in equations)
    equations = dict(BOOK[page])
    assert right in equations[label], "the example is out of date: the equation does not hold what it breaks"
    equations[label] = equations[label].replace(right, wrong)
    with pytest.raises((AssertionError, FormulaError), match=heard):
        check_equation(label, equations, TWINS[label], NUMBERS.get(page, COMMON))


def test_equations_are_found_where_they_are_labelled():
    page = (
        "```{math}\n:label: eq-a\na = b\n```\n```{math}\nno = label\n```\n:::{math}\n:label: eq-c\nc\n:::\n"
    )
    assert labelled_equations(page) == {"eq-a": "a = b\n", "eq-c": "c\n"}
    assert other_labels("$$\na = b\n$$ (eq-d)\n$$c$$ (eq-e)\n") == ["eq-d", "eq-e"]
    assert other_labels("- ```{math}\n  :label: eq-f\n  ```\n") == ["eq-f"]
