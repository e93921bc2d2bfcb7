"""CUDA without a GPU: tensors that have a device, a dtype and a shape, and no content.

PyTorch's FakeTensorMode runs operations on them and refuses what mixes devices or dtypes as CUDA does. Added here is
what it leaves to a GPU: autocast and gradient scaling, modules that move, backward passes, and values that are read.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

CUDA = torch.device("cuda", 0)


class FakeCuda(FakeTensorMode):
    """Every number that is read from a tensor is 1, and tensors are equal."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            return python_type(args[0].dtype)(1)
        if func is torch.ops.aten.equal.default:
            return True
        return super().__torch_dispatch__(func, types, args, kwargs)

    def __deepcopy__(self, memo: dict) -> "FakeCuda":
        return self  # copied tensors stay in this mode


def python_type(dtype: torch.dtype) -> type:
    return bool if dtype == torch.bool else float if dtype.is_floating_point else int


@contextmanager
def fake_cuda() -> Iterator[None]:
    """Inside, a GPU that computes in bf16 and in fp16 is there."""
    with ExitStack() as stack:
        stack.enter_context(patch("torch.cuda.amp.common.amp_definitely_not_available", lambda: False))
        stack.enter_context(patch.object(torch.cuda, "is_bf16_supported", lambda: True))
        stack.enter_context(patch.object(nn.Module, "_apply", move))
        stack.enter_context(patch.object(Tensor, "backward", backward))
        stack.enter_context(patch.object(Tensor, "numpy", ones))
        stack.enter_context(patch.object(Tensor, "tolist", lambda tensor: ones(tensor).tolist()))
        stack.enter_context(FakeCuda(allow_non_fake_inputs=True))
        yield


def move(module: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """Module._apply. PyTorch's cannot change fake parameters in place, so those that change are new ones."""
    for child in module.children():
        move(child, change)
    for name, parameter in module._parameters.items():
        if parameter is not None:
            with torch.no_grad():
                changed = change(parameter)
            if changed is not parameter:
                module._parameters[name] = nn.Parameter(changed, parameter.requires_grad)
    module._buffers.update({name: change(buffer) for name, buffer in module._buffers.items() if buffer is not None})
    return module


@torch.no_grad()
def backward(loss: Tensor) -> None:
    """Tensor.backward, whose engine wants a GPU's streams: the same nodes, one after the other."""
    waiting = count_uses(loss.grad_fn)
    gradients: dict[Any, dict[int, Tensor]] = defaultdict(dict)
    gradients[loss.grad_fn][0] = torch.ones_like(loss)
    ready = [loss.grad_fn]
    while ready:
        node = ready.pop()
        found = gradients.pop(node, {})
        sizes = node._input_metadata
        given = [fit(found[i], sizes[i]) if i in found else None for i in range(len(sizes))]
        made = node(*given) if found else None
        made = made if isinstance(made, tuple) else (made,) * max(1, len(node.next_functions))
        for (following, place), gradient in zip(node.next_functions, made, strict=False):
            if following is None:
                continue
            if gradient is not None:
                known = gradients[following].get(place)
                gradients[following][place] = gradient if known is None else known + gradient
            waiting[following] -= 1
            if not waiting[following]:
                ready.append(following)


def count_uses(root: Any) -> dict[Any, int]:
    """How many nodes of the graph give each node a gradient."""
    uses: dict[Any, int] = defaultdict(int)
    seen, left = {root}, [root]
    while left:
        for node, _ in left.pop().next_functions:
            if node is not None:
                uses[node] += 1
                if node not in seen:
                    seen.add(node)
                    left.append(node)
    return uses


def fit(gradient: Tensor, expected: Any) -> Tensor:
    """A gradient in the shape and dtype of its tensor, as the engine makes it; it must be on its device."""
    assert gradient.device == expected.device, f"gradient on {gradient.device} of a tensor on {expected.device}"
    return gradient.sum_to_size(expected.shape).to(expected.dtype)


def ones(tensor: Tensor) -> np.ndarray:
    """Tensor.numpy, of a tensor on the CPU."""
    if tensor.device.type != "cpu":
        raise TypeError(f"can't convert {tensor.device} device type tensor to numpy")
    return np.ones(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
