"""A figure that moves is moved by keys and by touch, and says in words where it stands.

The sliders are tried in test_pages.py, all in one visit; here the check is shown to bite.
"""

import pytest


def slider_faults(page, figure):
    """What is wrong with a slider: it has a name, a value in words, keys from end to end, and its place."""
    found = []
    slider, svg, output = figure.locator("input"), figure.locator("svg"), figure.locator("output")
    if not slider.evaluate("slider => slider.labels[0]?.firstChild.textContent.trim()"):
        found.append("no name")
    if svg.get_attribute("role") != "img" or len(svg.get_attribute("aria-label") or "") < 40:
        found.append("no description")
    slider.focus()
    height, seen = figure.bounding_box()["height"], set()
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        seen.add(svg.inner_html())
        if slider.get_attribute("aria-valuetext") != output.inner_text():
            found.append(f"no value in words after {key}")
    if len(seen) < 3 or slider.input_value() != slider.get_attribute("max"):
        found.append("keys do not move it")
    if abs(figure.bounding_box()["height"] - height) >= 1:
        found.append("the text below moves")
    box = slider.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    if slider.input_value() == slider.get_attribute("max"):
        found.append("a touch does not move it")
    return found


@pytest.mark.parametrize(
    ("fault", "harm"),
    [
        ("no name", "slider.labels[0].firstChild.remove()"),
        ("no description", "slider.closest('figure').querySelector('svg').removeAttribute('aria-label')"),
        ("no value in words after End", "slider.addEventListener('input', () => slider.ariaValueText = '')"),
        ("keys do not move it", "slider.removeAttribute('oninput')"),
        (
            "the text below moves",
            "slider.addEventListener('input', () => slider.closest('figure').append('more'))",
        ),
        ("a touch does not move it", "slider.style.pointerEvents = 'none'"),
    ],
)
def test_the_check_of_sliders_bites(open_page, site, fault, harm):
    page = open_page(site, width=390, has_touch=True)
    page.goto(site + "chapters/l2.html")
    figure = page.locator("figure.slider").first
    figure.locator("input").evaluate(f"slider => {{ {harm} }}")
    assert fault in slider_faults(page, figure)
