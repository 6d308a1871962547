# ruff: noqa: E501 - a row of the errors is a line
"""The formula and the errors of linear cross entropy; what is true of it stands in `test_linear_cross_entropy_laws.py`."""

import math

import torch
import torch.nn.functional as F

from tests.errors import ANY, Row, X, index, ones
from tests.formulas import uniform

# ---- Its formula

CASES = {
    "linear_cross_entropy": [
        {
            "C": 4,
            "D": 3,
            "x": uniform(-3, 3, 3),
            "W": uniform(-2, 2, 4, 3, seed=1),
            "b": uniform(-1, 1, 4, seed=2),
            "y": y,  # in formulas the first class is 1
            "target": torch.tensor(y - 1),
        }
        for y in (1, 2, 4)
    ]
}
for case in CASES["linear_cross_entropy"]:
    case |= {"linear_weight": case["W"], "linear_bias": case["b"]}
MUTANTS = [
    ("linear_cross_entropy", r"\log", ""),
    ("linear_cross_entropy", r"e^{z(c)}", "z(c)"),
    ("linear_cross_entropy", r"+ b_c", ""),
    ("linear_cross_entropy", r"- z(y)", r"- z(3)"),
    ("linear_cross_entropy", r"W_{c, d}", r"W_{1, d}"),
    ("linear_cross_entropy", r"c=1", r"c=2"),
]

# In the chapter.
FOUR = CASES["linear_cross_entropy"][1]
NUMBERS = {name: FOUR[name] for name in "xWby"}
SUMS, COUNTS = uniform(1, 5, 3, seed=3), uniform(1, 5, 3, seed=4)
LOGITS = uniform(-3, 3, 12, seed=5)
BLOCKS = LOGITS.view(3, 4).logsumexp(1)


def of_logits(x, W, b, y, D=3):
    return F.cross_entropy(F.linear(x, W, b), torch.tensor(y - 1))


TWINS = {
    "eq-linear-cross-entropy": of_logits,
    "eq-linear-cross-entropy-mean": lambda S=SUMS, n=COUNTS, K=3: S.mean() / n.mean(),
    "eq-linear-cross-entropy-blocks": lambda z=LOGITS, m=BLOCKS, C=12, K=3: z.logsumexp(0),
}
BROKEN = [
    ("eq-linear-cross-entropy-mean", r"\sum_{k=1}^{K} n_k", "K"),
    ("eq-linear-cross-entropy-blocks", r"e^{m_k}", r"m_k"),
    ("eq-linear-cross-entropy", r"+ b_c", ""),
]

LCE = "linear_cross_entropy"
LAYER, LABELS = ones(4, 3), {"target": index(0, 1)}


def bad(what, torch_says, error, x=X, layer=LAYER, **options):
    return Row(what, LCE, x, layer, LABELS | options, torch_says, error)


OUT = "is out of bounds: class indices must be from 0 to 3, or ignore_index (-100)"
# fmt: off
ERRORS = [
    bad("a batch of sequences", (RuntimeError, "expected input with dimensionality 1 or 2, got 3"),
        (RuntimeError, "input must be of shape (D) or (N, D): expected input with dimensionality 1 or 2, got 3"), x=ones(2, 2, 3)),
    bad("a layer of one dimension", (RuntimeError, "expected linear_weight with dimensionality at least 2, got 1"),
        (RuntimeError, "linear_weight must be of shape (C, D) or (C, d1, ..., dK, D): expected linear_weight with dimensionality at least 2, got 1"), layer=ones(3)),
    bad("complex weights", ANY, (NotImplementedError, "weight must be real, got torch.complex64"), weight=ones(4).to(torch.complex64)),
    bad("a layer for another size", *2 * [(RuntimeError, "expected equal input and linear_weight last dimensions (in_features), got 3 and 5, respectively")], layer=ones(4, 5)),
    bad("more losses a row without a batch",
        *2 * [(RuntimeError, "K-dimensional loss defined by linear_weight shape (4, 2, 3) requires batched input, (N, 3), got unbatched input with shape (3,)")],
        x=ones(3), layer=ones(4, 2, 3)),
    bad("a bias of another shape", *2 * [(RuntimeError, "expected linear_bias shape (4,), got (3,)")], linear_bias=ones(3)),
    bad("a bias that is a number", ANY, (TypeError, "linear_bias must be a Tensor, got float"), linear_bias=1.0),
    *(bad(f"a layer of {dtype}", (RuntimeError, "expected m1 and m2 to have the same dtype"),
          (RuntimeError, f"linear_weight must have the dtype of input, torch.float32; got {dtype}"), layer=LAYER.to(dtype))
      for dtype in (torch.float64, torch.int64)),
    bad("a bias of torch.float64", ANY, (RuntimeError, "linear_bias must have the dtype of input, torch.float32; got torch.float64"), linear_bias=ones(4).double()),
    bad("integers as input", ANY, (NotImplementedError, "input must be floating point, got torch.int64"), x=X.long()),
    bad("ignore_index for probabilities", *2 * [(RuntimeError, "ignore_index cannot be specified when target contains probabilities")],
        target=ones(2, 4) / 4, ignore_index=-100),
    bad("ignore_index 0.5", ANY, (TypeError, "ignore_index must be an int, got float"), ignore_index=0.5),
    bad("label_smoothing -0.1", math.log(4), (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: -0.1"), label_smoothing=-0.1),
    bad("label_smoothing 1.1", *2 * [(RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1")], label_smoothing=1.1),
    *(bad(f"class {c} of 4", (IndexError, f"Target {c} is out of bounds."), (IndexError, f"Target {c} {OUT}"), target=index(0, c)) for c in (4, -1)),
    *(bad(f"{dtype} as class index", (RuntimeError, "expected target dtype to be Long or Byte"),
          (RuntimeError, f"target must hold class indices of torch.int64 or torch.uint8, got {dtype}"), target=index(0, 1).to(dtype))
      for dtype in (torch.int32, torch.float32)),
    bad("more targets than rows", (ValueError, "Expected input batch_size (2) to match target batch_size (3)."),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 4) of the logits; got (3,)"), target=index(0, 1, 2)),
    bad("weight for 3 of 4 classes", (RuntimeError, "weight tensor should be defined either for all 4 classes"),
        (RuntimeError, "weight must have one entry for each of the 4 classes, got (3,)"), weight=ones(3)),
    bad("probability 1.5", 2 * math.log(4), (RuntimeError, "all elements of target should be between 0 and 1, got values from 0 to 1.5"),
        target=torch.tensor([[1.5, 0, 0.5, 0]] * 2)),
    bad("options as a dictionary", ANY, (TypeError, "options must be a torch.nn.LinearCrossEntropyOptions, got dict"), options={"batch_chunk_size": 2}),
]
# fmt: on
