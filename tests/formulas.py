"""What the formulas of a page are compared with: numbers, cases, and derivatives by autograd."""

import inspect
import re

import torch
import torch.nn.functional as F

import lossref
from tests.latex import Equation, gradient
from tests.pages import own


def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


def uniform(low, high, *size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(size, generator=generator, dtype=torch.float64)


def one_hot(label, classes):
    return F.one_hot(torch.tensor(label), classes).double()


# What the symbols of an equation stand for, where neither its twin nor its page says anything else.
N, C = 12, 4
RESIDUALS = torch.cat([vector(0, 0, 0.25, -0.25, 0.375, -0.375), uniform(-3, 3, N - 6, seed=3)])
TARGETS = uniform(-3, 3, N, seed=4).mul(8).round() / 8  # so that adding a residual of 0 or 1/4 is exact
OFF_TARGETS = uniform(-3, 3, N, seed=22)  # no residual is exactly 0
ONES, YES_NO = torch.ones(N, dtype=torch.float64), vector(0, 1).repeat(N // 2)
NUMBERS = {
    "N": N,
    "C": C,
    "x": TARGETS + RESIDUALS,
    "y": TARGETS,
    "c": uniform(-3, 3, seed=5),
    "w": uniform(0.5, 2, N, seed=6),
    **{name: uniform(0.5, 2, seed=7 + k) for k, name in enumerate(("sigma", "b", "delta", "beta", "alpha"))},
}


def pairs(*kinks):
    """Return inputs and targets whose residuals are random, zero, or exactly at a kink."""
    y = uniform(-4, 4, 40).mul(8).round() / 8
    residual = torch.cat(
        [uniform(-4, 4, 40 - 1 - 2 * len(kinks), seed=1), vector(0, *kinks), -vector(*kinks)]
    )
    return {"x": y + residual, "y": y}


def slope(loss, x, *rest, **options):
    """Return the derivative of a loss with respect to its input, by autograd."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(x, *rest, **options).sum(), x)[0]


def total(loss):
    """Give a loss the reduction by which each element has its own slope."""
    return lambda *arguments, **options: loss(*arguments, **options, reduction="sum")


def halved(low, high, falls):
    """Find, by halving, where `falls` ceases to hold."""
    for _ in range(60):
        middle = (low + high) / 2
        down = falls(middle)
        low, high = torch.where(down, middle, low), torch.where(down, high, middle)
    return middle


# ---- The formula of a docstring, and what its function computes

# What the functions call the symbols of their formulas, where it is not the symbol itself.
ARGUMENTS = {"x": "input", "p": "input", "y": "target", "q": "target", "w": "weight"}
ARGUMENTS |= {"alpha": "pos_weight", "epsilon": "label_smoothing"}


def docstring_formula(name):
    (block,) = re.findall(r"\.\. math::\n((?: +.*\n)+)", inspect.getdoc(getattr(lossref, name)))
    return block


def note_gradient(name):
    """Return the gradient that a docstring's note prints."""
    note = inspect.getdoc(getattr(lossref, name)).partition("Note:")[2]
    return re.search(r"gradient.*?:math:`(.*?)`", note, re.DOTALL)[1]


def argument(name, symbol):
    """Return which argument of a function a symbol of its formula is, if it is one."""
    function = getattr(lossref, name)
    symbols = ARGUMENTS | (own(function.__module__.removeprefix("lossref."), "SYMBOLS") or {})
    given = symbol if symbol in inspect.signature(function).parameters else symbols.get(symbol)
    return given if given in inspect.signature(function).parameters else None


def predicted(name, case):
    """Return the symbol of the first argument."""
    first = next(iter(inspect.signature(getattr(lossref, name)).parameters))
    return next(symbol for symbol in case if argument(name, symbol) == first)


def call(name, prediction, case):
    """Return the unreduced loss of a case."""
    options = {argument(name, symbol): value for symbol, value in case.items() if argument(name, symbol)}
    options[argument(name, predicted(name, case))] = prediction
    for key in ("weight", "pos_weight"):
        if key in options:
            options[key] = torch.as_tensor(options[key], dtype=torch.float64)
    return getattr(lossref, name)(**options, reduction="none")


def readable(case):
    """Return what a formula may name in a case: a list is an argument of the function alone."""
    return {symbol: value for symbol, value in case.items() if not isinstance(value, list)}


def evaluated(equation, case):
    """Return what an equation says; where `i` is a range, of each row: then it is of one."""
    if isinstance(case.get("i"), range):
        return torch.stack([equation.value(**case | {"i": i}) for i in case["i"]])
    return equation.value(**case)


def check_formula(latex, name, cases):
    """Complain if a formula and a function differ, in value or gradient."""
    equation = Equation(latex)
    for case in cases:
        symbol = predicted(name, case)
        prediction = case[symbol].clone().requires_grad_()
        loss = call(name, prediction, case)
        torch.testing.assert_close(evaluated(equation, readable(case)), loss.detach(), rtol=1e-10, atol=1e-12)
        (ours,) = torch.autograd.grad(loss.sum(), prediction)
        printed = gradient(lambda x: evaluated(equation, readable(case) | {symbol: x}), case[symbol])  # noqa: B023
        torch.testing.assert_close(printed, ours, rtol=1e-9, atol=1e-12)


def check_note_gradient(name, case):
    """Complain if the gradient that a docstring's note prints is not the function's."""
    printed = Equation(note_gradient(name), Equation(docstring_formula(name)).definitions)
    symbol = predicted(name, case)
    ours = slope(lambda x: call(name, x, case), case[symbol])
    torch.testing.assert_close(printed.value(**case), ours, rtol=1e-9, atol=1e-12)


# ---- The equations of a page, and their twins


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


def check_equation(label, equations, twin, numbers=NUMBERS):
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
