"""The float64 twin of a large PyTorch module: the same numbers, with one sub-module in float64 at a time."""

from __future__ import annotations

import functools
import gc
import weakref
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.weights import jitter

torch = pytest.importorskip("torch")

IDS = {"x": np.arange(10).reshape(2, 5)}
MOVES = [None, functools.partial(jitter, seed=2)]


def net(*, tied: bool) -> Any:
    """Return a model whose attention uses weights of modules that are not called; ``tied``: and so does the model itself."""

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(20, 8)
            self.norm = torch.nn.BatchNorm1d(5)
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
            self.layers = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.Conv1d(5, 5, 3, padding=1))
            self.scale = torch.nn.Parameter(torch.randn(8))

        def forward(self, x: Any) -> Any:
            h = self.norm(self.table(x)) * self.scale
            h = self.layers(h + self.attention(h, h, h)[0])
            return h @ self.table.weight.T if tied else h

    torch.manual_seed(0)
    return Net()


@pytest.mark.parametrize("move", MOVES, ids=["exact", "moved"])
@pytest.mark.parametrize("tied", [False, True])
def test_both_ways_to_widen_give_the_same_numbers(tied: bool, move: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.frameworks import _torch_twin
    from harness.frameworks._torch import Built
    from harness.frameworks.torch import Torch

    case = Case(id="c", inputs=(), build={"torch": lambda: None})
    built = Built(net(tied=tied).eval().requires_grad_(False), ("x",), ("y",))
    before = {name: tensor.clone() for name, tensor in built.module.state_dict().items()}
    wanted = Torch().oracle(case, built, IDS, move)["y"]
    monkeypatch.setattr(_torch_twin, "LARGE", 0)
    np.testing.assert_array_equal(Torch().oracle(case, built, IDS, move)["y"], wanted)
    assert wanted.dtype == np.float64
    gradual = Built(next(_torch_twin.twins(built.module, move)), ("x",), ("y",))
    if tied:  # the model reaches into a sub-module that it does not call
        with pytest.raises(RuntimeError, match="dtype"):
            Torch().run(gradual, IDS)
    else:
        np.testing.assert_array_equal(Torch().run(gradual, IDS)["y"], wanted)
    after = built.module.state_dict()
    assert all(torch.equal(tensor, after[name]) and tensor.dtype == after[name].dtype for name, tensor in before.items())


@pytest.mark.parametrize("move", MOVES, ids=["exact", "moved"])
def test_the_weights_of_one_layer_are_wide_at_a_time(move: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.frameworks import _torch_twin
    from harness.frameworks._torch import Built
    from harness.frameworks.torch import Torch

    monkeypatch.setattr(_torch_twin, "LARGE", 0)
    made: list[weakref.ref[Any]] = []
    live: list[int] = []
    plain = _torch_twin._widening

    def counting(module: Any, move: Any) -> Any:
        widen = plain(module, move)

        def counted(tensor: Any) -> Any:
            gc.collect()
            live.append(sum(ref() is not None for ref in made))
            wide = widen(tensor)
            made.append(weakref.ref(wide))
            return wide

        return counted

    monkeypatch.setattr(_torch_twin, "_widening", counting)
    stack = torch.nn.Sequential(*[layer for _ in range(4) for layer in (torch.nn.Linear(8, 8), torch.nn.Tanh())]).requires_grad_(False)
    built = Built(stack, ("input",), ("y",))
    case = Case(id="c", inputs=(), build={"torch": lambda: None})
    Torch().oracle(case, built, {"input": np.ones((2, 8), np.float32)}, move)
    assert len(made) == 8, "four weights and four biases, each once"
    assert max(live) <= 1, "the bias comes while the weight of its own layer is there"


def test_what_is_computed_in_less_is_no_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.frameworks import _torch_twin

    class Narrow(torch.nn.Linear):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return super().forward(x).float()

    monkeypatch.setattr(_torch_twin, "LARGE", 0)
    twin = next(_torch_twin.twins(Narrow(4, 4), None))
    with pytest.raises(TypeError, match=r"Narrow returns torch\.float32 although its weights are float64"):
        twin(torch.ones(1, 4, dtype=torch.float64))
