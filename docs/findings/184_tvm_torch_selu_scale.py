"""TVM's reader of torch.export leaves the factor 1.0507 of Selu out."""

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
        return torch.nn.functional.selu(x)


given = [np.float32([-1, 1, 3])]
expected = torch.nn.functional.selu(torch.from_numpy(given[0])).numpy()
program = torch.export.export(Net(), tuple(map(torch.from_numpy, given)))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](*map(tvm.runtime.tensor, given))[0].numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
