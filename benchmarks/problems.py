"""What is measured: every loss of lossref, beside torch's where torch has it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import lossref
from lossref.testing.domains import box, class_list
from tests.losses import LOSSES, Loss, to

CLASSES = 100
Function = Callable[[Tensor, Tensor], Tensor]
Problem = tuple[str, list[Function], Tensor, Tensor]  # what it is, who solves it, an input and a target


def behind(layer: Tensor, loss: Callable[..., Tensor], autocast: bool = False) -> Function:
    """Return a loss of what a linear layer makes of its input."""

    def function(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
            return loss(x, layer, y)

    return function


def draw(loss: Loss, size: int, device: torch.device) -> tuple[str, dict[str, Any], Tensor, Tensor]:
    """Return the name of a loss, its first options, and tensors of `size` numbers, in rows of 100."""
    generator = torch.Generator().manual_seed(0)
    shape = max(1, size // CLASSES), CLASSES
    input, target, (options, *_) = loss.domain.draw(*shape, generator)
    input, target, *values = (
        to(to(value, torch.float32), device) for value in (input, target, *options.values())
    )
    name = f"`{loss.name}` ({loss.domain.target.__name__.replace('_', ' ')})"
    return name, dict(zip(options, values, strict=True)), input, target


def alike(size: int, device: torch.device) -> Iterator[Problem]:
    """Yield torch's losses of an input and a target of one size, or of a class for each row."""
    for loss in LOSSES:
        if loss.module and loss.domain.target is not class_list:  # there each class meets each
            name, options, input, target = draw(loss, size, device)
            yield name, [partial(each, **options) for each in (loss.theirs, loss.ours)], input, target


def of_other_shapes(device: torch.device) -> Iterator[Problem]:
    """Yield torch's other losses."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    def labels(classes: int, *shape: int) -> Tensor:
        return torch.randint(1, classes, shape, generator=generator).to(device)

    rows, classes = 50_000, 20
    functions: list[Function] = [F.multilabel_margin_loss, lossref.multilabel_margin_loss]
    target = class_list(rows, classes, generator=generator).to(device)
    input = normal(rows, classes)
    yield f"`multilabel_margin_loss`, {rows} rows, {classes} classes", functions, input, target

    for frames, rows, classes, length in ((50, 16, 20, 20), (200, 16, 20, 40), (1000, 4, 20, 60)):
        lengths = [torch.full((rows,), size, device=device) for size in (frames, length)]
        functions = [
            lambda x, y, loss=loss, lengths=lengths: loss(x.log_softmax(2), y, *lengths)  # type: ignore[misc]
            for loss in (F.ctc_loss, lossref.ctc_loss)
        ]
        input = normal(frames, rows, classes)
        yield f"`ctc_loss`, {frames} frames, {length} labels", functions, input, labels(classes, rows, length)

    rows, classes, features = 2048, 32768, 64
    layer = normal(classes, features).div(8).requires_grad_()
    functions = [behind(layer, loss) for loss in (F.linear_cross_entropy, lossref.linear_cross_entropy)]
    input = normal(rows, features)
    yield f"`linear_cross_entropy`, {rows} rows, {classes} classes", functions, input, labels(classes, rows)

    rows, classes, features = 512, 20_000, 128
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(features, classes, [500, 4000]).to(device)
    weights = module.head.weight, [(narrow.weight, rare.weight) for narrow, rare in module.tail]
    functions = [
        lambda x, y: module(x, y).loss,
        lambda x, y: lossref.adaptive_log_softmax_with_loss(x, y, *weights),
    ]
    often = 1 / torch.arange(1.0, classes + 1)
    target = torch.multinomial(often, rows, replacement=True, generator=generator).to(device)
    input = normal(rows, features)
    yield f"`adaptive_log_softmax_with_loss`, {rows} rows, {classes} classes", functions, input, target


def of_language_models(
    device: torch.device, rows: int = 8192, classes: int = 128_256, features: int = 4096
) -> Iterator[Problem]:
    """Yield cross entropy for a step of 8192 tokens and the vocabulary of Llama 3."""
    size = f"{rows} rows, {classes} classes"
    target = torch.randint(classes, (rows,), device=device)
    input = torch.randn(rows, classes, device=device, dtype=torch.bfloat16)
    yield f"`cross_entropy`, {size}, bfloat16", [F.cross_entropy, lossref.cross_entropy], input, target
    del input

    in_parts = torch.nn.LinearCrossEntropyOptions()
    for how, dtype in (("bfloat16", torch.bfloat16), ("autocast", torch.float32)):
        input = torch.randn(rows, features, device=device, dtype=dtype)
        layer = torch.randn(classes, features, device=device, dtype=dtype)
        layer = layer.mul_(features**-0.5).requires_grad_()
        ours = behind(layer, lossref.linear_cross_entropy, how == "autocast")
        for beside, options in (("", None), (", torch in parts", in_parts)):
            theirs = behind(layer, partial(F.linear_cross_entropy, options=options), how == "autocast")
            name = f"`linear_cross_entropy`, {size}, {features} features, {how}{beside}"
            yield name, [theirs, ours], input, target


def without_a_twin(size: int, device: torch.device) -> Iterator[Problem]:
    """Yield the losses that torch lacks."""
    for loss in LOSSES:
        if not loss.module:
            name, options, input, target = draw(loss, size, device)
            yield name, [partial(loss.ours, **options)], input, target

    generator = torch.Generator().manual_seed(0)
    boxes = [box(size // CLASSES, generator=generator).float().to(device) for _ in range(2)]
    yield "`complete_box_iou_loss` (box)", [lossref.complete_box_iou_loss], *boxes

    rows, features = 1024, 128
    views = [torch.randn(rows, features, generator=generator).to(device) for _ in range(2)]
    for function in (lossref.info_nce_loss, lossref.nt_xent_loss):
        yield f"`{function.__name__}`, {rows} rows, {features} features", [function], *views
    function = lossref.supervised_contrastive_loss
    labels = torch.randint(10, (rows,), generator=generator).to(device)
    yield f"`{function.__name__}`, {rows} rows, {features} features", [function], views[0], labels
