"""What makes style sheets light leaves out the rules that can match nothing, and no other."""

import pytest
from sphinx.errors import ExtensionError

from _ext.light_styles import _sheet

USED = {"page", "bar", "main"}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("p{color:red}", "p{color:red}"),
        (".page{color:red}", ".page{color:red}"),
        (".gone{color:red}", ""),
        ("#main .bar>a:hover{top:0}", "#main .bar>a:hover{top:0}"),
        ("#gone .bar{top:0}", ""),
        (".page.gone{top:0}", ""),
        (".gone,.page,#gone,.bar{top:0}", ".page,.bar{top:0}"),
        (":is(.gone,.bar) a:not(.gone){top:0}", ":is(.gone,.bar) a:not(.gone){top:0}"),
        ("[data-x='.gone, #gone']{top:0}", '[data-x=".gone, #gone"]{top:0}'),
        (".page{background:url(#gone)}", ".page{background:url(#gone)}"),
        ("@media print{.gone{top:0}.bar,.gone{top:0}}", "@media print{.bar{top:0}}"),
        ("@supports (top:0){@media print{.bar{top:0}}}", "@supports (top:0){@media print{.bar{top:0}}}"),
        ("@font-face{font-family:gone}", "@font-face{font-family:gone}"),
        ("@keyframes gone{from{top:0}}", "@keyframes gone{from{top:0}}"),
        ("@import url(gone.css);", "@import url(gone.css);"),
        ('.bar:before{content:"\\f0c9"}', '.bar:before{content:"\uf0c9"}'),
        ("/* why */ .bar{top:0}", ".bar{top:0}"),
    ],
)
def test_a_rule(rule, kept):
    assert _sheet(rule, USED.__contains__) == kept


def test_a_rule_that_cannot_be_read_stops_the_build():
    with pytest.raises(ExtensionError, match="cannot read a rule of a style sheet: EOF reached before"):
        _sheet(".page", USED.__contains__)
