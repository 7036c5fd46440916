"""What training gives."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

End = Literal["epochs", "early stop", "time limit", "divergence"]
Row = dict[str, int | float]


@dataclass(frozen=True)
class Outcome:
    """What training gave.

    Attributes:
        checkpoint: the best weights.
        epoch: the epoch that they are of, from 1.
        scores: the scores of that epoch on the validation clips.
        n_epochs: finished epochs.
        ended_by: why training ended.
        history: a row a finished epoch, those before an interruption too: `epoch` from 1,
            `learning_rate`, `train_loss` and its parts as means of the epoch, and all scores
            `val_*`. The same training gives the same rows, wherever it was interrupted.
    """

    checkpoint: Path
    epoch: int
    scores: dict[str, float]
    n_epochs: int
    ended_by: End
    history: list[Row] = field(default_factory=list)
