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
        undecayed: ends of names of weights that do not decay, besides biases and the weights of
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
        """Prepare a stage of training, which starts from the best weights of the stage before.

        Sampling, loss, optimisation and predictions may differ between stages. Weights that stay
        fixed in the stage must not require a gradient.
        """
        self.stage = stage

    @property
    def optimisation(self) -> OptimisationSettings:
        """Optimisation in the present stage: by default that of its settings."""
        found: OptimisationSettings = self.settings.optimisation  # type: ignore[attr-defined]
        return found

    @property
    def sampling(self) -> Sampling:
        """Its training samples: by default targets alone, without neighbours."""
        return Windows()

    @property
    def features(self) -> VideoFeatures | None:
        """Features of videos that it is trained on; None: it is trained on frames."""
        return None

    @property
    def augmented(self) -> bool:
        """Whether samples are augmented in the present stage, by the settings of `train`."""
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
