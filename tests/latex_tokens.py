"""LaTeX as tokens, without the space between them."""

import re

GROUPED = r"\\(?:text|mathrm|operatorname|begin|end|bar|hat|tilde|mathbb|mathcal|mathbf)\{[^}]*\}"
TOKEN = re.compile(GROUPED + r"|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S", re.DOTALL)
SILENT = {r"\left", r"\right", r"\,", r"\;", r"\:", r"\!", "\\ ", "\\\n", r"\displaystyle"}
CLOSING = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lvert": r"\rvert", r"\begin{cases}": r"\end{cases}"}


def tokens_of(latex: str) -> list[str]:
    latex = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", latex)
    return [token for token in TOKEN.findall(latex) if token not in SILENT]


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
