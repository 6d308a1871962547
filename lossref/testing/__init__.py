"""Checks anybody's loss against the laws that a loss must keep: `check(my_loss, like="cross_entropy")`."""

from lossref.testing.check import LAWS, as_test, check
from lossref.testing.domains import DOMAINS as KINDS
from lossref.testing.laws_of_torch import sharded_gradient
from lossref.testing.report import BrokenLaw, Counterexample, Report, Result

__all__ = [
    "KINDS",
    "LAWS",
    "BrokenLaw",
    "Counterexample",
    "Report",
    "Result",
    "as_test",
    "check",
    "sharded_gradient",
]
