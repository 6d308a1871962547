r"""Printed formulas that compute: an equation in LaTeX is evaluated on named tensors.

    >>> equation = Equation(r"\ell(x, y) = \frac{1}{2} r^2 \qquad r = x - y")
    >>> equation.value(x=torch.tensor(5.0), y=torch.tensor(1.0))
    tensor(8., dtype=torch.float64)

This reads the LaTeX of the book and no more: what it does not know is an error. It reads as people do, and
where people may differ (is the log of a b the log of the product?) it asks for brackets.

- `\log p` is the log of one factor, and ends its product; `\sum` reaches to the end of its product.
- A sum runs over numbers, or over the members of a set that has a value: the rows of a tensor. One over
  `c \ne y`, or `c \notin Y`, runs over the other classes, of 1 to C.
- `x_i` is `x[i - 1]` where a sum runs over `i`, and all of `x` where none does; `\bar{y}` is the mean of `y`.
- A `pmatrix` stacks the rows of its parts.
- `f(x)` applies `f` where it was defined, by this equation or another, and multiplies elsewhere.
- `\frac{\partial \ell}{\partial x}` is the derivative of the last `\ell` that is defined as a function of `x`
  and other symbols that are known.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tests.latex_reader import Definition, FormulaError, Reader
from tests.latex_tokens import gradient, split, tokens_of

__all__ = ["Equation", "FormulaError", "gradient"]

# Python's name of a symbol, where it is not the symbol itself.
LETTERS = "ell alpha beta gamma delta eta theta kappa mu sigma tau"
SYMBOLS = {name: f"\\{name}" for name in LETTERS.split()}
SYMBOLS |= {"epsilon": r"\varepsilon", "paths": r"\mathcal{B}^{-1}(y)"}


def definition(head: list[str], tokens: list[str]) -> Definition | None:
    """Return what `head = tokens` defines: a function for the head `f(x, y)`, a symbol for `r` or `p_c`."""
    if head[1:2] == ["("] and head[-1] == ")":
        parts = split(head[2:-1], r"\mid")
        parameters = tuple("".join(name) for part in parts for name in split(part, ","))
        return Definition(head[0] + "|" * (len(parts) - 1), parameters, tokens)
    if len(head) == 1 or head[1] == "_":
        name, *subscript = (token for token in head if token not in "_{}")
        return Definition(f"{name}_{{{''.join(subscript)}}}" if subscript else name, (), tokens)
    return None


class Equation:
    r"""`left = ... = right`, and after `\qquad` what symbols in it mean.

    `around` holds what other equations define; where they disagree, the last counts.
    """

    def __init__(self, latex: str, around: Sequence[Definition] = ()):
        equation, *meanings = split(tokens_of(latex), r"\qquad")
        self.sides = split(equation, "=")
        self.meanings = [definition(*split(meaning, "=")) for meaning in meanings]
        self.defines = definition(self.sides[0], self.sides[-1]) if len(self.sides) > 1 else None
        self.definitions = [*around, *self.meanings]

    def value(self, side: int = -1, /, **names: Tensor | float) -> Tensor:
        """Evaluate a side, by default the last."""
        values = {symbol(name): torch.as_tensor(value, dtype=torch.float64) for name, value in names.items()}
        return Reader(self.sides[side], values, self.definitions).whole()


def symbol(name: str) -> str:
    """Return how LaTeX prints a name of Python: `epsilon` is a Greek letter, and `x_0` has a subscript."""
    name, _, subscript = name.partition("_")
    return SYMBOLS.get(name, name) + (f"_{{{subscript}}}" if subscript else "")
