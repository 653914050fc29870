"""The contract model, once per framework: dense layers on a dynamic batch, two outputs of one shape."""

from harness import Case, Dim, TensorSpec

X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 6))


def torch_model():
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(6, 6)
            self.norm = torch.nn.BatchNorm1d(6)
            self.second = torch.nn.Linear(6, 4)

        def forward(self, x):
            hidden = self.norm(torch.relu(self.first(x)))
            out = self.second(hidden)
            return out, torch.softmax(out, -1)

    return Net()


CASES = [Case(id="contract", level="unit", inputs=(X,), build={"torch": torch_model}, weights="random", outputs=("logits", "probs"))]
