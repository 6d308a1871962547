"""Keep the style sheets light: leave out the rules for what is on no page.

A theme brings rules for all that any site may hold, and four of five match nothing here. A class or an
identifier counts as used where it stands as a word on a page or in a script, or begins as a template of a
script does (`bs-${name}-auto`).
"""

import re
from itertools import pairwise

import tinycss2
from sphinx.errors import ExtensionError
from tinycss2.ast import LiteralToken

WORD = re.compile(r"[\w-]+")
TEMPLATE = re.compile(r"([\w-]+-)\$\{")
NESTING = {"media", "supports"}  # the at-rules that hold rules
COMMA = LiteralToken(0, 0, ",")


def _selectors(tokens):
    """Split what stands before the braces of a rule at its commas."""
    selectors = [[]]
    for token in tokens:
        if token == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _names(selector):
    """Yield the classes and identifiers without which nothing matches: not those inside of `:not(...)`."""
    for before, token in pairwise([None, *selector]):
        if token.type == "hash" or (before == "." and token.type == "ident"):
            yield token.value


def _matching(rules, used):
    """Yield the rules that can match something, each with the selectors that can."""
    for rule in rules:
        if rule.type == "error":
            raise ExtensionError(f"_ext/light_styles.py cannot read a rule of a style sheet: {rule.message}")
        if rule.type == "qualified-rule":
            selectors = [each for each in _selectors(rule.prelude) if all(map(used, _names(each)))]
            if not selectors:
                continue
            rule.prelude = [token for each in selectors for token in (COMMA, *each)][1:]
        elif rule.at_keyword in NESTING:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            rule.content = list(_matching(inner, used))
        yield rule


def _sheet(text, used):
    """Return a style sheet without its rules for classes and identifiers that are not used."""
    rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    return tinycss2.serialize(_matching(rules, used))


def _lighten(app, exception):
    if exception or app.builder.format != "html":
        return
    words, beginnings = set(), set()
    for path in (*app.outdir.rglob("*.html"), *app.outdir.rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        words.update(WORD.findall(text))
        beginnings.update(TEMPLATE.findall(text))

    def used(name):
        return name in words or name.startswith(tuple(beginnings))

    for path in app.outdir.rglob("*.css"):
        path.write_text(_sheet(path.read_text(encoding="utf-8"), used), encoding="utf-8")


def setup(app):
    """Lighten the style sheets when all pages are written."""
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
