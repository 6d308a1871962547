"""What makes pages light takes only what nobody needs, and says so when the theme is not the one it knows."""

import pytest
from sphinx.errors import ExtensionError

from _ext import light_pages

PAGE = f"""<!DOCTYPE html><html><head><script>document.documentElement.{light_pages.LATE}</script>
<script src="_static/scripts/fontawesome.js?digest=1"></script><script src="_static/other.js"></script></head>
<body>
<div id="pst-primary-sidebar"><i class="fa-solid fa-bars"></i></div>
<div class="citation" role="doc-biblioentry">x</div>
<pre><span></span><span class="n">x</span> <span class="o">=</span> <span class="mi">1</span>

  <span class="mi">2</span>
</pre>
<div>a</div><!-- of the theme -->


   <div>b</div> <i>&nbsp;</i>
<code><span class="pre">torch.mse_loss nn.BCEWithLogitsLoss</span></code>
<math><annotation encoding="application/x-tex">\\lambda</annotation></math>
<span class="katex-html">λ<b>+</b></span>
<img src="../_images/a.svg"><img src="../_images/b.svg" width="7">
<figure><svg viewBox="0 0 9 9"><g id="axes"><path id="mark"/><use xlink:href="#mark"/></g></svg></figure>
</body></html>"""
SVG = (
    '<?xml version="1.0"?><!-- by matplotlib -->\n'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' width="36pt" height="72pt">'
    '<metadata>when</metadata>\n <g id="axes"><path id="mark"/><use xlink:href="#mark"/>\n'
    ' <text transform="rotate(-0 1 2)">a b</text></g></svg>'
)


def test_a_page_keeps_what_readers_see():
    page, signs = light_pages._page(PAGE, "a.html", {"a.svg": {"width": "48", "height": "96"}})
    assert page.count("<script") == 2
    assert "fontawesome" not in page
    assert light_pages.AT_ONCE in page
    assert '<pre>x = <span class="mi">1</span>\n\n  <span class="mi">2</span>\n</pre>' in page
    assert "<div>a</div> <div>b</div> <i>&nbsp;</i> <code>" in page
    assert '<span class="pre">torch.<wbr>mse_<wbr>loss nn.<wbr>BCEWith<wbr>Logits<wbr>Loss</span>' in page
    assert "annotation" not in page
    assert '<img src="../_images/a.svg" width="48" height="96" loading="lazy">' in page
    assert '<img src="../_images/b.svg" width="7">' in page
    assert '<svg viewBox="0 0 9 9"><g><path id="mark"></path><use xlink:href="#mark"></use></g></svg>' in page
    assert '<div id="pst-primary-sidebar" role="complementary" aria-label="Sidebar">' in page
    assert 'role="listitem"' in page
    assert signs == {ord("λ"), ord("+")}


def test_a_page_that_a_build_leaves_alone_stays_as_it_is():
    once, signs = light_pages._page(PAGE, "a.html", {})
    assert light_pages._page(once, "a.html", {}) == (once, signs)


def test_a_figure_keeps_what_it_uses():
    figure, size = light_pages._figure(SVG)
    assert size == {"width": "48", "height": "96"}
    assert figure.endswith('><g><path id="mark" /><use xlink:href="#mark" /><text>a b</text></g></svg>')


@pytest.mark.parametrize("theme", light_pages.THEMES)
def test_another_theme_is_refused(theme):
    light_pages._known()
    with pytest.raises(ExtensionError, match=rf"mends {theme} 0\.0\.1, and .* is installed"):
        light_pages._known({theme: "0.0.1"})


def test_what_the_theme_no_longer_writes_is_named():
    with pytest.raises(ExtensionError, match=r"does not find .*localStorage.* in a\.html: has the theme"):
        light_pages._page(PAGE.replace("localStorage", "sessionStorage"), "a.html", {})
