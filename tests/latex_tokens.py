"""The tokens of LaTeX, and what those compute that stand for functions, derivatives and numbers."""

import math
import re
import warnings
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

GROUPED = r"\\(?:text|mathrm|operatorname|begin|end|bar|hat|tilde|mathbb|mathcal|mathbf)\{[^}]*\}"
TOKEN = re.compile(GROUPED + r"|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S", re.DOTALL)
SIZES = {r"\left", r"\right", r"\bigl", r"\bigr", r"\displaystyle"}
SILENT = SIZES | {r"\,", r"\;", r"\:", r"\!", r"\quad", "\\ ", "\\\n"}
CLOSING = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lvert": r"\rvert", r"\begin{cases}": r"\end{cases}"}
CLOSING |= {r"\begin{pmatrix}": r"\end{pmatrix}"}
BLOCKS = {begin: end for begin, end in CLOSING.items() if begin.startswith(r"\begin")}
RELATIONS = {
    "=": torch.eq, r"\ne": torch.ne, "<": torch.lt, ">": torch.gt,
    r"\le": torch.le, r"\leq": torch.le, r"\ge": torch.ge, r"\geq": torch.ge,
}  # fmt: skip


def largest(*values: Tensor) -> Tensor:
    """Return the largest; its derivative is that of the one taken, even where another's is infinite."""
    first, *rest = values
    return torch.where(first >= (other := largest(*rest)), first, other) if rest else first


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    r"\log": torch.log,
    r"\exp": torch.exp,
    r"\max": largest,
    r"\min": lambda *values: -largest(*(-value for value in values)),
    r"\arctan": torch.arctan,
    r"\cosh": torch.cosh,
    r"\tanh": torch.tanh,
    r"\operatorname{erf}": torch.erf,
    r"\operatorname{sg}": torch.Tensor.detach,  # "stop gradient"
    r"\operatorname{sign}": torch.sign,
    r"\mathrm{softmax}": lambda x: x.softmax(dim=-1),
}
CONSTANTS = {r"\pi": math.pi, "e": math.e, r"\infty": math.inf}


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the derivative of the sum of `function`.

    Forward mode: there, the nan of a case that `torch.where` does not take stays where it is.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script`", DeprecationWarning)  # torch's own
        return torch.func.jacfwd(lambda x: function(x).sum())(at)


def tokens_of(latex: str) -> list[str]:
    latex = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", latex)
    return unbroken([token for token in TOKEN.findall(latex) if token not in SILENT])


def unbroken(tokens: list[str]) -> list[str]:
    """Join the lines of an equation that is broken to fit a phone; one without `&` in front is one more."""
    if tokens[:1] != [r"\begin{aligned}"]:
        return tokens
    end, depth, joined = tokens.index(r"\end{aligned}"), 0, []
    for token, following in pairwise(tokens[1 : end + 1]):
        depth += (token in BLOCKS) - (token in BLOCKS.values())
        if depth or token not in ("&", r"\\"):
            joined.append(token)
        elif token == r"\\" and following != "&":
            joined.append(r"\qquad")
    return joined + tokens[end + 1 :]


def split(tokens: list[str], separator: str) -> list[list[str]]:
    """Split at each separator that stands in no brackets."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in CLOSING) - (token in CLOSING.values())
        if token == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
