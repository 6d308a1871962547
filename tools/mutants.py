"""Break the package in one place at a time, and see whether its tests notice.

A mutant is a module of lossref with one operator, comparison, number, condition or keyword argument
changed. Each runs against the tests of its module, in a process of its own and a copy of the tree.
One that passes them all survives: either the change makes no difference, or a test is missing.

    python tools/mutants.py bce huber     (all modules without names; the table goes to _build/mutants.md)
"""

import argparse
import ast
import copy
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 900  # a mutant that takes longer is noticed too
# What tests a module, besides the test files of its name, those of errors and options, and PyTorch's samples.
TESTS = {
    "_boxes": ["test_box_iou.py"],
    "_classes": ["test_cross_entropy*.py", "test_sharded_classes.py"],
    "_inputs": ["test_bce*.py", "test_charbonnier*.py", "test_cross_entropy*.py", "test_l1.py"],
    "_numerics": [
        "test_charbonnier*.py",
        "test_cross_entropy*.py",
        "test_info_nce*.py",
        "test_soft_margin.py",
    ],
    "_reduction": ["test_l1.py", "test_cross_entropy*.py", "test_testing.py"],
    "_similarities": ["test_info_nce*.py"],
    "cross_entropy": ["test_sharded_classes.py"],
    "huber": ["test_sharded.py"],
}
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `node` with one thing changed, in every way."""
    match node:
        case ast.BinOp() | ast.BoolOp() if type(node.op) in SWAPS:
            yield replaced(node, op=SWAPS[type(node.op)]())
        case ast.Compare(ops=[op]):
            yield replaced(node, ops=[SWAPS[type(op)]()])
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                yield replaced(node, ops=[*ops[:place], SWAPS[type(op)](), *ops[place + 1 :]])
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
        case ast.IfExp():
            yield replaced(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Call():
            for place, keyword in enumerate(node.keywords):
                if keyword.arg:
                    yield replaced(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


def replaced(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of `node` with some fields changed."""
    result = copy.copy(node)
    for name, value in fields.items():
        setattr(result, name, value)
    return result


def left_out(tree: ast.AST) -> set[ast.AST]:
    """Return the nodes that no result depends on: annotations, and the words of messages."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            roots.append(node.returns)
        elif isinstance(node, ast.Raise | ast.JoinedStr):
            roots.append(node)
    return {below for root in roots if root for below in ast.walk(root)}


def mutants(source: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield every mutant of a module: the line, what stood there, what stands there now, the source."""
    tree = ast.parse(source)
    skipped = left_out(tree)
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = b"".join(lines)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        spots = [(node, new) for new in changes(node)]
        if isinstance(node, ast.If):
            spots = [(node.test, ast.UnaryOp(ast.Not(), node.test))]
        for old, new in spots:
            start = starts[old.lineno - 1] + old.col_offset
            end = starts[old.end_lineno - 1] + old.end_col_offset
            text = ast.unparse(ast.fix_missing_locations(new))
            mutant = data[:start] + f"({text})".encode() + data[end:]
            yield old.lineno, ast.unparse(old), text, mutant.decode()


def tests_of(module: str) -> list[str]:
    """Return what pytest is given for a module."""
    own = module.strip("_")
    patterns = [
        f"test_{own}.py",
        f"test_{own}_*.py",
        "test_errors.py",
        "test_options.py",
        *TESTS.get(module, []),
    ]
    found = {path for pattern in patterns for path in (ROOT / "tests").glob(pattern)}
    # Those of its own name first: most mutants end there.
    in_order = sorted(found, key=lambda path: (own not in path.name, path.name))
    return [*(str(path.relative_to(ROOT)) for path in in_order), f"lossref/{module}.py"]


def passes(folder: Path, module: str) -> bool:
    """Whether the module's tests pass in `folder`, in a child that need not import torch again."""
    runs = [[path] for path in tests_of(module)]  # one by one: the first that fails is enough
    if not module.startswith("_"):
        runs.append(["tests/test_conformance.py", "--names", module])
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = str(folder)  # for the processes that a test starts
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            import pytest

            # What main() has imported cannot be rewritten any more, and need not be.
            late = "-Wignore::pytest.PytestAssertRewriteWarning"
            quiet = ["-q", "-x", "-p", "no:cacheprovider", "--tb=no", late]
            # A loss whose samples stand in its own tests has none among those of PyTorch.
            fine = pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED
            passed = all(pytest.main([*quiet, *run]) in fine for run in runs)
        os._exit(int(not passed))
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Make the mutants of the modules that were named, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="as in lossref/MODULE.py; all of them without a name")
    every = sorted(path.stem for path in (ROOT / "lossref").glob("*.py"))
    modules = parser.parse_args().modules or [name for name in every if name not in ("__init__", "_version")]
    import torch  # here, so that the children need not
    import torch.testing._internal.common_methods_invocations

    torch.set_num_threads(1)  # threads do not survive a fork
    rows, listed = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tracked = subprocess.check_output(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
        )
        for path in filter(None, tracked.split("\0")):
            if (ROOT / path).is_file():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, folder / path)
        for module in modules:
            file = folder / f"lossref/{module}.py"
            source = file.read_text()
            if not passes(folder, module):
                sys.exit(f"the tests of {module} fail before anything is changed")
            found = list(mutants(source))
            survivors = []
            for number, (line, old, new, mutant) in enumerate(found, 1):
                file.write_text(mutant)
                survived = passes(folder, module)
                print(f"{module} {number}/{len(found)}", "SURVIVED" if survived else "noticed", flush=True)
                if survived:
                    survivors.append(f"| {module}:{line} | `{old}` | `{new}` |".replace("\n", " "))
                    print(survivors[-1], flush=True)
            file.write_text(source)
            killed = len(found) - len(survivors)
            rows.append(f"| {module} | {len(found)} | {killed} | {killed / max(1, len(found)):.0%} |")
            listed += survivors
    table = ["| module | mutants | noticed | score |", "|---|---:|---:|---:|", *rows]
    if listed:
        table += ["", "| survivor | was | became |", "|---|---|---|", *listed]
    (ROOT / "_build").mkdir(exist_ok=True)
    (ROOT / "_build/mutants.md").write_text("\n".join(table) + "\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
