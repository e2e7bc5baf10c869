"""Models that were saved for one number of examples at a time."""

from collections.abc import Callable

import torch


class FixedBatch(torch.nn.Module):
    """Answers any number of examples in parts of the sizes that a model takes; too small a part is filled up."""

    def __init__(self, model: Callable[..., torch.Tensor], rows: int, fewest: int | None = None) -> None:
        super().__init__()
        self.model, self.rows, self.fewest = model, rows, rows if fewest is None else fewest

    def forward(self, *tensors: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """One answer per example."""
        n = len(next(iter((*tensors, *named.values()))))
        answers = []
        for start in range(0, n, self.rows):
            stop = max(start + self.fewest, min(start + self.rows, n))
            rows = slice(start, stop) if stop <= n else torch.arange(start, stop).clamp_max(n - 1)  # the last fills up
            answer = self.model(*(it[rows] for it in tensors), **{name: it[rows] for name, it in named.items()})
            answers.append(answer[: n - start])
        return answers[0] if len(answers) == 1 else torch.cat(answers)
