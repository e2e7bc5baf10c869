"""Models that were saved for one number of examples at a time."""

from collections.abc import Callable

import torch


class FixedBatch(torch.nn.Module):
    """Answers any number of examples in parts of the one size that a model takes; the last part is filled up."""

    def __init__(self, model: Callable[..., torch.Tensor], rows: int) -> None:
        super().__init__()
        self.model, self.rows = model, rows

    def forward(self, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """One answer per example."""
        n = len(next(iter((*tensors, *named.values()))))
        answers = []
        for start in range(0, n, self.rows):
            rows = torch.arange(start, start + self.rows).clamp_max(n - 1)  # the last example fills up
            answer = self.model(*(it[rows] for it in tensors), **{name: it[rows] for name, it in named.items()})
            answers.append(answer[: n - start])
        return torch.cat(answers)
