"""What a cell shows besides numbers and figures: a table, a power of ten, the code of a function."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence

from IPython.display import Markdown


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """Show rows as a table; floats with four significant digits, the rest as it prints.

    Raises:
        ValueError: If a column has no name, by which those who hear a table know where they are.
    """
    if not all(header):
        raise ValueError(f"header must name every column, got {list(header)}")

    def line(cells: Sequence[object]) -> str:
        texts = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells)
        return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"

    lines = [line(header), line(["---"] * len(header)), *map(line, rows)]
    return Markdown("\n".join(lines))  # type: ignore[no-untyped-call]


def power_of_ten(exponent: int) -> str:
    """Write a power of ten: 10⁻⁴."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def scientific(value: float, places: int = 0) -> str:
    """Write a number with a power of ten, 0.00012 as 1·10⁻⁴, or with more places."""
    digits, exponent = f"{value:.{places}e}".split("e")
    return f"{digits}·{power_of_ten(int(exponent))}"


def source(function: Callable[..., object]) -> Markdown:
    """Show the code of a function, without its docstring, as it stands in the installed package."""
    code = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(code).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = code.splitlines()
    if ast.get_docstring(definition):
        docstring = definition.body[0]
        assert docstring.end_lineno is not None
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return Markdown("\n".join(["```python", *lines, "```"]))  # type: ignore[no-untyped-call]
