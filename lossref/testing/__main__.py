"""`python -m lossref.testing package.module:function --like cross_entropy`."""

import argparse
import importlib
import os
import sys
from typing import Any

from lossref.testing import LAWS, Result, check
from lossref.testing.domains import DOMAINS


def found(name: str) -> Any:
    """Return the object that `package.module:function` names."""
    module, colon, function = name.partition(":")
    if not colon:
        raise ValueError(f"name the loss as package.module:function, not {name!r}")
    sys.path.insert(0, os.getcwd())
    thing = importlib.import_module(module)
    for part in function.split("."):
        thing = getattr(thing, part)
    return thing


def tell(result: Result) -> None:
    """Show that the check goes on."""
    print(f"{result.outcome:>14}  {result.law}", file=sys.stderr, flush=True)


def main() -> int:
    """Check the loss; return 0 if it keeps the laws, 1 if it breaks one, 2 if it cannot be checked."""
    parser = argparse.ArgumentParser(prog="python -m lossref.testing", description=main.__doc__)
    parser.add_argument("loss", help="package.module:function")
    parser.add_argument("--like", required=True, metavar="NAME", help=", ".join(DOMAINS))
    parser.add_argument("--laws", nargs="+", metavar="LAW", help=f"some of {', '.join(LAWS)}")
    given = parser.parse_args()
    try:
        report = check(found(given.loss), given.like, laws=given.laws, progress=tell)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(report)
    return int(bool(report.broken))


if __name__ == "__main__":
    sys.exit(main())
