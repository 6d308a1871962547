"""Write the logo, drawn from the functions: the Huber loss inside the square that it leaves.

_static/logo.svg is for the pages, _static/logo.png for the cards that others show of them, which take no SVG:
python -m tools.logo
"""

from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

import lossref
from tools.pdf import chromium

LOGO = Path(__file__).resolve().parent.parent / "_static" / "logo.svg"


def curve(loss):
    """The loss of residuals from -2 to 2, as a path in a box of 64 by 64 whose y axis points down."""
    residual = torch.linspace(-2, 2, 41, dtype=torch.float64)
    height = loss(residual, torch.zeros_like(residual), reduction="none")
    return "M" + " ".join(
        f"{32 + 12 * x:.1f},{51 - 17 * y:.1f}" for x, y in zip(residual, height, strict=True)
    )


def logo():
    """Draw both curves, white on a blue that reads in either theme."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="lossref">'
        '<rect width="64" height="64" rx="12" fill="#1d4ed8"/>'
        '<g fill="none" stroke="#fff" stroke-linecap="round" stroke-linejoin="round">'
        f'<path d="{curve(lambda x, y, reduction: lossref.mse_loss(x, y, reduction=reduction) / 2)}"'
        ' stroke-width="2" stroke-dasharray="1 4" opacity="0.8"/>'
        f'<path d="{curve(lossref.huber_loss)}" stroke-width="5"/></g></svg>\n'
    )


if __name__ == "__main__":
    LOGO.write_text(logo(), encoding="utf-8")
    with sync_playwright() as playwright:
        page = chromium(playwright).new_page(viewport={"width": 256, "height": 256})
        page.set_content(f"<body style='margin: 0'>{logo()}")
        page.screenshot(path=LOGO.with_suffix(".png"), omit_background=True)
