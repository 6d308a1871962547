"""On a phone a figure's text is large enough to read, and a lesson's formula is seen whole.

The pages are looked at in test_pages.py, all in one visit; here the checks are shown to bite.
"""

PHONE = {"width": 390, "height": 740}
SMALLEST = 9  # pixels


def small_texts(page):
    """The texts of figures that are drawn smaller than `SMALLEST`; an index counts as what it stands at."""
    return page.evaluate(
        """async smallest => {
            const small = [], parser = new DOMParser();
            for (const shown of document.querySelectorAll('article img[src*=".svg"], article figure svg')) {
                let drawing = shown;
                if (shown.src) {
                    const source = await (await fetch(shown.src)).text();
                    drawing = parser.parseFromString(source, 'image/svg+xml').documentElement;
                }
                const scale = shown.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
                for (const text of drawing.querySelectorAll('text')) {
                    const sizes = [text, ...text.querySelectorAll('tspan')]
                        .map(part => parseFloat(part.style.fontSize) || 0);
                    const size = Math.max(...sizes) * scale;
                    if (text.textContent.trim() && size < smallest)
                        small.push(`${text.textContent.trim()}: ${size.toFixed(1)} pixels`);
                }
            }
            return small;
        }""",
        SMALLEST,
    )


def wide_formulas(page):
    """The formulas before "In depth" that do not fit the window."""
    return page.evaluate(
        """() => [...document.querySelectorAll('article .katex-display')]
            .filter(formula => !formula.closest('#in-depth'))
            .filter(formula => formula.scrollWidth > formula.clientWidth)
            .map(formula => (formula.querySelector('.katex-mathml') ?? formula).textContent)"""
    )


def test_the_checks_bite(open_page, site):
    page = open_page(site, **PHONE)
    page.goto(site + "chapters/l2.html")
    page.evaluate("""() => document.querySelector('article').insertAdjacentHTML('afterbegin', `
        <figure><svg width="300" viewBox="0 0 600 60"><text style="font-size: 12px">half</text>
        <text style="font-size: 20px">whole<tspan style="font-size: 14px">2</tspan></text></svg></figure>
        <div class="katex-display" style="overflow: auto"><p style="width: 900px">wide</p></div>
        <section id="in-depth">
        <div class="katex-display" style="overflow: auto"><p style="width: 900px">deep</p></div>
        </section>`)""")
    assert "half: 6.0 pixels" in small_texts(page)
    assert not any(text.startswith("whole") for text in small_texts(page))
    assert "wide" in wide_formulas(page)
    assert "deep" not in wide_formulas(page)
