"""Training steps by PyTorch, in a process of its own: `torch_steps.py ARCHITECTURE THREADS`.

Reads seconds from standard input, a line each, and answers each with windows a second. The models are what a
PyTorch user writes: `nn.Conv1d` with the padding on the left alone, `nn.LSTM`, `nn.Conv2d`, eager mode, the
fused Adam; `PYTORCH_COMPILE=1` compiles them with `torch.compile`.
"""

import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional

BATCH, LOOKBACK, CHANNELS, CLASSES, BATCHES = 64, 100, 40, 3, 16


class Block(nn.Module):
    """Two dilated causal convolutions, added to the input."""

    def __init__(self, channels, filters, kernel_size, dilation):
        super().__init__()
        self.padding = (kernel_size - 1) * dilation
        self.first = nn.Conv1d(channels, filters, kernel_size, dilation=dilation)
        self.second = nn.Conv1d(filters, filters, kernel_size, dilation=dilation)
        self.shortcut = nn.Identity() if channels == filters else nn.Conv1d(channels, filters, 1)

    def forward(self, x):
        hidden = functional.relu(self.first(functional.pad(x, (self.padding, 0))))
        hidden = functional.relu(self.second(functional.pad(hidden, (self.padding, 0))))
        return functional.relu(hidden + self.shortcut(x))


class TCN(nn.Module):
    def __init__(self, filters=64, kernel_size=3, dilations=(1, 2, 4, 8, 16, 32)):
        super().__init__()
        channels = (CHANNELS, *[filters] * (len(dilations) - 1))
        self.blocks = nn.Sequential(
            *[Block(n, filters, kernel_size, rate) for n, rate in zip(channels, dilations, strict=True)]
        )
        self.head = nn.Linear(filters, CLASSES)

    def forward(self, x):
        return self.head(self.blocks(x.transpose(1, 2))[:, :, -1])


class LSTM(nn.Module):
    def __init__(self, units=64):
        super().__init__()
        self.lstm = nn.LSTM(CHANNELS, units, batch_first=True)
        self.head = nn.Linear(units, CLASSES)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def convolutions(*layers):
    """Convolutions with a leaky ReLU after each."""
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.LeakyReLU(0.01))])


class DeepLOB(nn.Module):
    def __init__(self, filters=16, inception=32, units=64):
        super().__init__()

        def along_time(channels, out, rows):
            return nn.Conv2d(channels, out, (rows, 1), padding="same")

        self.body = convolutions(
            nn.Conv2d(1, filters, (1, 2), stride=(1, 2)),
            along_time(filters, filters, 4),
            along_time(filters, filters, 4),
            nn.Conv2d(filters, filters, (1, 2), stride=(1, 2)),
            along_time(filters, filters, 4),
            along_time(filters, filters, 4),
            nn.Conv2d(filters, filters, (1, CHANNELS // 4)),
            along_time(filters, filters, 4),
            along_time(filters, filters, 4),
        )
        self.short = convolutions(nn.Conv2d(filters, inception, 1), along_time(inception, inception, 3))
        self.long = convolutions(nn.Conv2d(filters, inception, 1), along_time(inception, inception, 5))
        self.pooled = nn.Sequential(
            nn.MaxPool2d((3, 1), stride=1, padding=(1, 0)), convolutions(nn.Conv2d(filters, inception, 1))
        )
        self.lstm = nn.LSTM(3 * inception, units, batch_first=True)
        self.head = nn.Linear(units, CLASSES)

    def forward(self, x):
        hidden = self.body(x[:, None])  # [batch, filters, lookback, 1]
        branches = [branch(hidden) for branch in (self.short, self.long, self.pooled)]
        hidden = torch.cat(branches, dim=1)[..., 0].transpose(1, 2)  # [batch, lookback, 3 * inception]
        return self.head(self.lstm(hidden)[0][:, -1])


def main(architecture, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = {"tcn": TCN, "lstm": LSTM, "deeplob": DeepLOB}[architecture]()
    print(sum(weight.numel() for weight in model.parameters()), flush=True)
    step_of = torch.compile(model) if os.environ.get("PYTORCH_COMPILE") else model
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_of = nn.CrossEntropyLoss()
    x = torch.randn(BATCHES, BATCH, LOOKBACK, CHANNELS)
    y = torch.randint(CLASSES, (BATCHES, BATCH))

    def step(number):
        optimizer.zero_grad()
        loss = loss_of(step_of(x[number % BATCHES]), y[number % BATCHES])
        loss.backward()
        optimizer.step()
        return loss.detach()

    for number in range(5):
        step(number)
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, steps, total = float(line), 0, torch.zeros(())
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            total += step(steps)
            steps += 1
        assert torch.isfinite(total)
        print(steps * BATCH / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
