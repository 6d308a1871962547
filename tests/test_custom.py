"""The equations of "Writing your own loss"."""

from tests.formulas import uniform

NUMBERS = {
    "r": uniform(-4, 4, seed=22),
}


def log_cosh(r):
    return r.cosh().log()


TWINS = {
    "eq-custom-log-cosh": log_cosh,
    "eq-custom-log-cosh-stable": log_cosh,
    "eq-custom-log-cosh-small": log_cosh,
}
BROKEN = [
    ("eq-custom-log-cosh-stable", r"e^{-2", r"e^{-"),
    ("eq-custom-log-cosh-small", r"e^{-r / 2}", r"e^{-r}"),
]
