"""TVM's reader of torch.export makes log(1 + x) of log1p: three digits are left of 2e-6."""

# toolchain: tvm
import logging

import numpy as np
import torch
import tvm
from tvm import relax
from tvm.relax.frontend.torch import from_exported_program

logging.disable(logging.WARNING)


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.log1p(x)


given = [np.float32([2.2e-6, 1e-7])]
expected = np.log1p(given[0].astype(float))
program = torch.export.export(Net(), tuple(map(torch.from_numpy, given)))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](*map(tvm.runtime.tensor, given))[0].numpy()
print("ratio   ", got / expected)
if np.abs(got / expected - 1).max() < 1e-6:
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
