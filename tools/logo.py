"""Write _static/logo.svg: the Huber loss inside the square that it leaves, drawn from the functions."""

from pathlib import Path

import torch

import lossref

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
