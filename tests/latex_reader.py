"""Evaluates LaTeX while it reads it: what `latex.py` is made of."""

import contextlib
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tests.latex_tokens import CLOSING, CONSTANTS, FUNCTIONS, RELATIONS, gradient, number, split

STOPS = {"", "+", "-", ",", "|", *CLOSING.values(), *RELATIONS}


class FormulaError(ValueError):
    """The formula cannot be read, or a symbol in it has no value."""


class Definition(NamedTuple):
    """`name(parameters) = tokens`, or `name = tokens`; `p(y \\mid x)` is the function `p|` of y and x."""

    name: str
    parameters: tuple[str, ...]
    tokens: list[str]


class Reader:
    """Evaluates while it reads: each method takes a sum, a product ... and returns its value."""

    def __init__(self, tokens: list[str], names: dict[str, Tensor], definitions: list[Definition]):
        self.tokens, self.names, self.definitions, self.at = tokens, names, definitions, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if not token or (wanted and token not in wanted):
            self.fail(f"expected {' or '.join(wanted) or 'more'}, found {token or 'the end'}")
        self.at += 1
        return token

    def took(self, *tokens: str) -> str:
        return self.take() if self.peek() in tokens else ""

    def fail(self, message: str):
        raise FormulaError(
            f"{message}\nhere:  {' '.join(self.tokens[: self.at])} >>> {' '.join(self.tokens[self.at :])}"
        )

    def read(self, tokens: list[str], **names: Tensor) -> Tensor:
        """Evaluate other tokens with the same names, and these."""
        return Reader(tokens, self.names | names, self.definitions).whole()

    def whole(self) -> Tensor:
        value = self.sum()
        return self.fail("cannot go on") if self.peek() else value

    def sum(self) -> Tensor:
        value = -self.product() if self.took("-") else self.product()
        while sign := self.took("+", "-"):
            value = value + self.product() if sign == "+" else value - self.product()
        return value

    def product(self) -> Tensor:
        value = self.power()
        while not self.at_stop():
            if self.took("/"):
                value = value / self.power()
                self.must_stop("a / b c")
            else:
                self.took(r"\cdot", r"\times")
                value = value * self.power()
        return value

    def at_stop(self) -> bool:
        return self.peek() in STOPS or self.peek().startswith(r"\text{")

    def must_stop(self, example: str) -> None:
        if not self.at_stop():
            self.fail(f"ambiguous, as {example} is: it needs brackets")

    def power(self) -> Tensor:
        value = self.atom()
        return value ** self.argument() if self.took("^") else value

    def argument(self) -> Tensor:
        return self.read(self.group()) if self.peek() == "{" else self.atom()

    def group(self) -> list[str]:
        """Take a bracket with all that is in it, and return what is in it."""
        closing, start, depth = CLOSING[self.take(*CLOSING)], self.at, 1
        while depth:
            token = self.take()
            depth += (token in CLOSING) - (token in CLOSING.values())
        if token != closing:
            self.fail(f"expected {closing}, found {token}")
        return self.tokens[start : self.at - 1]

    def atom(self) -> Tensor:
        token = self.peek()
        if token == r"\begin{cases}":
            return self.cases(self.group())
        if token == r"\begin{pmatrix}":
            return torch.cat([self.read(part) for part in split(self.group(), r"\\")])
        if token in CLOSING:
            value = self.read(self.group())
            return value.abs() if token == r"\lvert" else value
        self.take()
        if token == "|":
            value = self.sum()
            self.take("|")
            return value.abs()
        if token[0].isdigit():
            return number(float(token))
        if token == r"\frac":
            return self.fraction(self.group(), self.group())
        if token == r"\sqrt":
            return self.argument().sqrt()
        if token in (r"\sum", r"\prod"):
            return self.series(torch.sum if token == r"\sum" else torch.prod)
        if token in FUNCTIONS:
            return self.function(FUNCTIONS[token])
        if token.isalpha() or token.startswith("\\"):
            return self.name(token)
        self.at -= 1
        return self.fail(f"this reader does not know {token}")

    def function(self, function: Callable[..., Tensor]) -> Tensor:
        if self.peek() in ("(", r"\{"):
            value = function(*(self.read(part) for part in split(self.group(), ",")))
        else:
            value = function(self.power())
            self.must_stop(r"\log a b")
        if self.peek() == "^":
            self.fail(r"ambiguous, as \log(a)^2 is: it needs brackets")
        return value

    def fraction(self, above: list[str], below: list[str]) -> Tensor:
        if above[0] != r"\partial":
            return self.read(above) / self.read(below)
        function, variable = "".join(above[1:]), below[1]  # the derivative by x_c is an element of that by x
        if not function:
            body = self.body()
            return gradient(lambda value: body(**{variable: value}), self.value(variable))
        for name, parameters, tokens in reversed(self.definitions):
            if name == function and variable in parameters and set(parameters) <= set(self.names):
                # One with symbols that are not known is of another loss: the slope of Huber needs no beta.
                with contextlib.suppress(FormulaError):
                    return self.slope(tokens, variable)
        return self.fail(f"nothing defines {function} as a function of {variable}, by symbols that are known")

    def slope(self, tokens: list[str], variable: str) -> Tensor:
        return gradient(lambda value: self.read(tokens, **{variable: value}), self.value(variable))

    def body(self) -> Callable[..., Tensor]:
        """Return the rest of the product, as a function of the names that a sum or a derivative gives it."""
        start = self.at

        def evaluate(**names: Tensor) -> Tensor:
            reader = Reader(self.tokens, self.names | names, self.definitions)
            reader.at = start
            value = reader.product()
            self.at = reader.at
            return value

        return evaluate

    def series(self, total: Callable[..., Tensor]) -> Tensor:
        self.take("_")
        (index, *first) = self.group()
        if first[:1] == [r"\in"]:
            members = self.value("".join(first[1:]))
        elif first[:1] == ["="]:
            self.take("^")
            members = [number(n) for n in range(int(self.read(first[1:])), int(self.argument()) + 1)]
        elif first[:1] in ([r"\ne"], [r"\notin"]):
            others = self.read(first[1:]).reshape(-1)
            members = [number(n) for n in range(1, int(self.value("C")) + 1) if n not in others]
        else:
            self.fail(r"a sum needs its bounds, as in \sum_{i=1}^{N}")
        body = self.body()
        return total(torch.stack([body(**{index: member}) for member in members]), dim=0)

    def cases(self, tokens: list[str]) -> Tensor:
        result = number(math.nan)  # where no case holds
        for row in reversed([row for row in split(tokens, r"\\") if row]):
            value, condition = split(row, "&")
            holds = Reader(condition, self.names, self.definitions).condition()
            result = torch.where(holds, self.read(value), result)
        return result

    def condition(self) -> Tensor:
        if self.peek() == r"\text{otherwise}":
            self.take()
            holds = torch.tensor(True)
        else:
            self.took(r"\text{if }", r"\text{for }", r"\text{if}", r"\text{for}")
            left, holds = self.sum(), None
            while holds is None or self.peek() in RELATIONS:
                relation, right = RELATIONS[self.take(*RELATIONS)], self.sum()
                holds = relation(left, right) if holds is None else holds & relation(left, right)
                left = right
        return self.fail("not a condition") if self.peek() else holds

    def name(self, token: str) -> Tensor:
        if self.peek() == "(":
            start, parts = self.at, split(self.group(), r"\mid")
            arguments = [argument for part in parts for argument in split(part, ",")]
            function = self.find(token + "|" * (len(parts) - 1), len(arguments))
            if function:
                values = [self.read(argument) for argument in arguments]
                return self.read(function.tokens, **dict(zip(function.parameters, values, strict=True)))
            self.at = start  # no function, but a factor before a bracket
        if not self.took("_"):
            return self.value(token)
        subscript = self.group() if self.peek() == "{" else [self.take()]
        whole = f"{token}_{{{''.join(subscript)}}}"
        if whole in self.names or (token not in self.names and self.find(whole)):
            return self.value(whole)
        return self.value(token)[tuple(self.index(part) for part in split(subscript, ","))]

    def index(self, tokens: list[str]) -> int | slice:
        if len(tokens) == 1 and tokens[0].isalpha() and tokens[0] not in self.names:
            return slice(None)
        position = int(self.read(tokens))
        return position - 1 if position > 0 else self.fail("indices begin at 1")

    def find(self, name: str, parameters: int = 0) -> Definition | None:
        """Return the last definition of a name."""
        found = [d for d in self.definitions if d.name == name and len(d.parameters) == parameters]
        return found[-1] if found else None

    def value(self, name: str) -> Tensor:
        if name in self.names:
            return self.names[name]
        if symbol := self.find(name):
            return self.read(symbol.tokens)
        if name.startswith(r"\bar{"):
            return self.value(name[5:-1]).mean()
        if name in CONSTANTS:
            return number(CONSTANTS[name])
        return self.fail(f"{name} has no value")
