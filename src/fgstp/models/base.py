"""Models that are trained."""

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from fgstp.models.predictor import Predictor, SettingsT
from fgstp.models.sampling import Sampling, VideoFeatures, Windows
from fgstp.models.settings import OptimisationSettings


class Model(Predictor[SettingsT]):
    """A network, how it is trained, and how it predicts.

    Args:
        settings: its settings.
        initial_weights: load the files of weights that the settings name; without, such as
            before a checkpoint is loaded, those files need not exist.

    Attributes:
        encoders: names of its encoders in the network, for a rate of their own.
        undecayed: ends of names of weights that do not decay, beside biases and the weights of
            normalisations.
        network: its network, on the CPU and in training mode at first.
        stage: number of the stage of training that it is in, from 0.
    """

    encoders: ClassVar[tuple[str, ...]] = ("encoder",)
    undecayed: ClassVar[tuple[str, ...]] = ()
    network: nn.Module

    def __init__(self, settings: SettingsT, *, initial_weights: bool = True) -> None:
        super().__init__(settings)
        self.stage = 0
        if initial_weights:
            self._load_initial_weights()

    @abstractmethod
    def _build(self) -> None:
        """Set `network`, with weights drawn by torch's generator."""

    def _load_initial_weights(self) -> None:
        """Load the files of weights that the settings name."""

    @property
    def n_stages(self) -> int:
        """Stages of its training: one by default."""
        return 1

    def begin_stage(self, stage: int) -> None:
        """Get ready for a stage of training, with the best weights of the stage before.

        What it is trained on, how, and what it predicts may differ from then on. Weights that
        are not to change in the stage must not require a gradient.
        """
        self.stage = stage

    @property
    def optimisation(self) -> OptimisationSettings:
        """How its weights are changed in the present stage: by default as its settings say."""
        found: OptimisationSettings = self.settings.optimisation  # type: ignore[attr-defined]
        return found

    @property
    def sampling(self) -> Sampling:
        """What a sample of its training is: by default targets alone, without neighbours."""
        return Windows()

    @property
    def features(self) -> VideoFeatures | None:
        """Features of videos that its training reads; None: it reads frames alone."""
        return None

    @property
    def augmented(self) -> bool:
        """Whether samples are varied in the present stage, as the block `train` says."""
        return True

    @property
    def sample_size(self) -> tuple[int, int]:
        """Height and width of the frames of a sample: by default those it works at."""
        return self.settings.height_px, self.settings.width_px  # type: ignore[attr-defined]

    @abstractmethod
    def training_step(
        self,
        batch: Any,  # noqa: ANN401
        progress: float,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward.

        Args:
            batch: samples of the model's own kind, on the network's device.
            progress: share of the training that is done, in [0, 1).

        Returns:
            The loss, a scalar with gradient, and its named parts, detached, for the log.
        """


AnyModel = Model[Any]
