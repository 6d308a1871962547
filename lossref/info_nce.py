"""Contrastive losses: cross entropy, where the classes are the other rows of the batch."""

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_tensor, widen
from lossref._numerics import curved_softplus, log_sum_exp, shift
from lossref._reduction import Reduction, reduce_rows
from lossref._similarities import check_some, check_views, over, products, vectors, without_self
from lossref.cross_entropy import cross_entropy


@at_least_float32
def info_nce_loss(
    input: Tensor,
    target: Tensor,
    negatives: Tensor | None = None,
    *,
    temperature: Tensor | float = 0.07,
    normalize: bool = True,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at which row of the target belongs to a row of the input, told by similarity.

    .. math::
        \begin{aligned}
        \ell_i &= -\log \frac{e^{s(x_i, y_i)}}{\sum_{j=1}^{N} e^{s(x_i, y_j)}} \\
        s(u, v) &= \frac{\sum_{k=1}^{D} u_k v_k}
        {\tau \sqrt{\left( \sum_{k=1}^{D} u_k^2 \right) \left( \sum_{k=1}^{D} v_k^2 \right)}}
        \end{aligned}

    Args:
        input: The vectors :math:`x_i` that ask, of shape (N, D); real.
        target: The vectors :math:`y_i` that belong to them, one for each, of the shape of `input`; real.
            Each is a wrong answer for all other rows.
        negatives: Wrong answers in place of the other rows, of shape (M, D), the same for all, or
            (N, M, D), for each row its own; real.
        temperature: What the similarities are divided by, :math:`\tau > 0`; a number, or a tensor of no
            dimension, which may have a gradient.
        normalize: Whether similarity is the cosine, as in the formula; without it, the product of the
            vectors as they are.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows.

    Returns:
        The loss, not negative; a scalar, or of shape (N) for ``"none"``. Where all similarities are
        equal it is :math:`\log N`, and with M `negatives` :math:`\log(M + 1)`.

    Raises:
        NotImplementedError: If one of the tensors is complex.
        TypeError: If `temperature` is no number.
        ValueError: If the shapes do not fit, if `temperature` is not positive (unchecked where it
            cannot be seen), or `reduction` is none of the three.

    Note:
        It is ``cross_entropy(similarities, arange(N))``. The rows of a batch are each other's classes:
        the loss of a batch is not the mean of the losses of its parts, which have fewer classes. It is
        one direction; ``(info_nce_loss(a, b) + info_nce_loss(b, a)) / 2`` is that of CLIP.

        A zero vector has no direction: its similarity is 0, and so is its gradient, where
        ``F.normalize`` gives one of :math:`10^{12}`.

    Source:
        A. van den Oord, Y. Li, O. Vinyals (2018), *Representation Learning with Contrastive Predictive
        Coding*, arXiv:1807.03748.

    Example:
        >>> import torch
        >>> query = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> key = torch.tensor([[2.0, 0.0], [3.0, 3.0]])
        >>> info_nce_loss(query, key, temperature=0.5, reduction="none")
        tensor([0.4425, 0.2176])
    """
    check_views(input, target)
    if negatives is None:
        x, y = vectors(normalize, input=input, target=target)
        similarities, right = products(x, y), torch.arange(len(x), device=x.device)
    else:
        check_tensor("negatives", negatives)
        rows, features = input.shape
        if (
            negatives.dim() not in (2, 3)
            or negatives.shape[:-2] not in ((), (rows,))
            or (negatives.shape[-1] != features)
        ):
            raise ValueError(
                f"negatives must be of shape (M, D) or (N, M, D), with N = {rows} and D = {features}; "
                f"got {tuple(negatives.shape)}"
            )
        x, y, others = vectors(normalize, input=input, target=target, negatives=negatives)
        wrong = products(x, others) if others.dim() == 2 else products(x.unsqueeze(1), others).squeeze(1)
        similarities = torch.cat([(x * y).sum(-1, keepdim=True), wrong], 1)
        right = torch.zeros(rows, dtype=torch.int64, device=x.device)
    return cross_entropy(over(temperature, similarities), right, reduction=reduction)


@at_least_float32
def nt_xent_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: Tensor | float = 0.5,
    normalize: bool = True,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at which of all other rows, of both views, is the other view of a row.

    .. math::
        \begin{aligned}
        \ell_i &= -\log \frac{e^{s(z_i, z_{p(i)})}}{\sum_{j \ne i} e^{s(z_i, z_j)}} \\
        z &= \begin{pmatrix} x \\ y \end{pmatrix} \\
        p(i) &= \begin{cases}
            i + N & \text{if } i \le N \\
            i - N & \text{if } i > N
        \end{cases} \\
        s(u, v) &= \frac{\sum_{k=1}^{D} u_k v_k}
        {\tau \sqrt{\left( \sum_{k=1}^{D} u_k^2 \right) \left( \sum_{k=1}^{D} v_k^2 \right)}}
        \end{aligned}

    Args:
        input: One view of each thing, the vectors :math:`x_i`, of shape (N, D); real.
        target: The other view, :math:`y_i`, of the shape of `input`; real.
        temperature: What the similarities are divided by, :math:`\tau > 0`; a number, or a tensor of no
            dimension, which may have a gradient.
        normalize: Whether similarity is the cosine, as in the formula; without it, the product of the
            vectors as they are.
        reduction: ``"none"`` returns the loss of each of the 2N rows, those of `input` first, ``"sum"``
            their sum, ``"mean"`` the sum divided by 2N.

    Returns:
        The loss, not negative; a scalar, or of shape (2N) for ``"none"``. Where all similarities are
        equal it is :math:`\log(2N - 1)`.

    Raises:
        NotImplementedError: If one of the two is complex.
        TypeError: If `temperature` is no number.
        ValueError: If the shapes are not one and of two dimensions, if `temperature` is not positive
            (unchecked where it cannot be seen), or `reduction` is none of the three.

    Note:
        The rows of a batch are each other's classes, without the row itself: the loss of a batch is not
        the mean of the losses of its parts. Its least value rises with the temperature: 128 pairs
        of equal vectors, at right angles to all others, cost 3.57 at 0.5, and 1.6e-4 at 0.07.

    Source:
        T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020), *A Simple Framework for Contrastive Learning
        of Visual Representations*, arXiv:2002.05709.

    Example:
        >>> import torch
        >>> view = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> nt_xent_loss(view, torch.tensor([[2.0, 0.0], [3.0, 3.0]]), reduction="none")
        tensor([0.5259, 0.3962, 0.5259, 1.0986])
    """
    check_views(input, target)
    z = torch.cat(vectors(normalize, input=input, target=target))
    similarities, _ = without_self(over(temperature, products(z, z)))
    partner = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return cross_entropy(similarities, partner, reduction=reduction)


@at_least_float32
def supervised_contrastive_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: Tensor | float = 0.1,
    normalize: bool = True,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the mean surprise at the rows that have the label of a row, among all other rows.

    .. math::
        \begin{aligned}
        \ell_i &= -\frac{\sum_{j \ne i} m(i, j) \log q(i, j)}{\sum_{j \ne i} m(i, j)} \\
        q(i, j) &= \frac{e^{s(x_i, x_j)}}{\sum_{c \ne i} e^{s(x_i, x_c)}} \\
        m(i, j) &= \begin{cases}
            1 & \text{if } y_i = y_j \\
            0 & \text{otherwise}
        \end{cases} \\
        s(u, v) &= \frac{\sum_{k=1}^{D} u_k v_k}
        {\tau \sqrt{\left( \sum_{k=1}^{D} u_k^2 \right) \left( \sum_{k=1}^{D} v_k^2 \right)}}
        \end{aligned}

    Args:
        input: The vectors :math:`x_i`, of shape (N, D); real. Several views of one thing are several rows.
        target: The labels :math:`y_i`, of shape (N); equal where rows belong together.
        temperature: What the similarities are divided by, :math:`\tau > 0`; a number, or a tensor of no
            dimension, which may have a gradient.
        normalize: Whether similarity is the cosine, as in the formula; without it, the product of the
            vectors as they are.
        reduction: ``"none"`` returns the loss of each row, 0 for one that is alone with its label,
            ``"sum"`` their sum, ``"mean"`` the sum divided by the number of rows that are not alone.

    Returns:
        The loss, not negative; a scalar, or of shape (N) for ``"none"``. A row with P others of its
        label costs at least :math:`\log P`.

    Raises:
        NotImplementedError: If `input` is complex.
        TypeError: If `temperature` is no number.
        ValueError: If the shapes do not fit, if `temperature` is not positive (unchecked where it
            cannot be seen), or `reduction` is none of the three.

    Note:
        With two rows of each label it is :func:`nt_xent_loss`. Where all rows are alone, the mean is
        nan and the gradient 0, as in :func:`cross_entropy` where all rows are ignored.

        Of the two losses of the paper it is the one with the logarithm inside the mean,
        :math:`L_{out}`. The authors' own code also multiplies by the temperature over 0.07.

    Source:
        P. Khosla et al. (2020), *Supervised Contrastive Learning*, arXiv:2004.11362.

    Example:
        >>> import torch
        >>> vectors = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [3.0, 3.0]])
        >>> labels = torch.tensor([0, 0, 1, 2])
        >>> supervised_contrastive_loss(vectors, labels, temperature=0.5, reduction="none")
        tensor([0.5259, 0.5259, 0.0000, 0.0000])
    """
    if input.dim() != 2 or target.shape != input.shape[:1]:
        raise ValueError(
            "input must be of shape (N, D) and target of shape (N); "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    check_some(input)
    (x,) = vectors(normalize, input=widen(input))
    similarities, self = without_self(over(temperature, products(x, x)))
    like = (target.unsqueeze(1) == target) & ~self
    count = like.sum(1)
    near, far = torch.where(like, similarities, -torch.inf), torch.where(like, -torch.inf, similarities)
    top, other = shift(near, 1), shift(far, 1)
    # How uneven those of the label are, and the others against them: neither loses what is small.
    together = log_sum_exp(near - top, 1)
    uneven = together - torch.where(like, similarities - top, 0.0).sum(1) / count.clamp(min=1)
    ahead = log_sum_exp(far - other, 1) + (other - top).squeeze(1) - together
    loss = torch.where(count > 0, curved_softplus(ahead) + uneven, 0.0)
    return reduce_rows(loss, count > 0, reduction)
