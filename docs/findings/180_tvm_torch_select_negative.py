"""TVM's reader of torch.export takes x[:, -1] as index -1 of the memory: what lies before it is read, another thing each time."""

# toolchain: tvm
import logging

import numpy as np
import torch
import tvm
from tvm import relax
from tvm.relax.frontend.torch import from_exported_program

logging.disable(logging.WARNING)


class Last(torch.nn.Module):
    def forward(self, x):
        return x[:, -1] * 2


x = np.random.default_rng(0).normal(size=(2, 7, 5)).astype(np.float32)
expected = x[:, -1] * 2
program = torch.export.export(Last(), (torch.from_numpy(x),))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](tvm.runtime.tensor(x))[0].numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
