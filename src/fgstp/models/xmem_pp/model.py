"""XMem++ as a model."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import model_validator
from torch import Tensor
from torch.nn import functional

from fgstp.models.base import Model
from fgstp.models.blocks.encoder import NORM_MOMENTUM, ResNetSettings
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import normalised
from fgstp.models.blocks.streams import FirstMaskSession
from fgstp.models.published import Published, part_rules
from fgstp.models.registry import register
from fgstp.models.sampling import Batch, SpreadFrames
from fgstp.models.settings import GradientClip, NetworkSettings, OptimisationSettings
from fgstp.models.state_dicts import Rules
from fgstp.models.xmem_pp.memory import Elements, XmemMemory, XmemMemorySettings
from fgstp.models.xmem_pp.network import Keys, Xmem, XmemWidthSettings
from fgstp.models.xmem_pp.training import XmemTrainingSettings, clip_loss

EncodedFrame = tuple[Tensor, Keys]  # (1, 3, h, w) and its keys


class XmemSession(FirstMaskSession[EncodedFrame]):
    """Memory and sensory state of one video; see `FirstMaskSession`.

    The prompted frame goes to the permanent memory. A later frame is segmented from its
    readout; the decoder then updates the sensory state (1, C, h, w). Every few frames, a frame is
    written to memory: its value, from the predicted probabilities, goes to the working memory and
    updates the sensory state instead.
    """

    model: "XmemModel"
    sensory: Tensor

    def _begin(self) -> None:
        super()._begin()
        settings = self.model.settings
        self._network = self.model.network
        self._is_label = settings.output == "label"
        self._every_frames = settings.memory.memory_every_frames
        self._since_memory = 0
        self.memory = XmemMemory(settings.memory)

    def encode(self, frames: Tensor) -> Iterator[EncodedFrame]:
        """See `FirstMaskSession`."""
        keys = self._network.encode_key(frames)
        for frame, *each in zip(*(x.unsqueeze(1) for x in (frames, *keys)), strict=True):
            yield frame, Keys(*each)

    def start(self, encoded: EncodedFrame, mask: Tensor) -> None:
        """See `FirstMaskSession`."""
        self.sensory = self._network.no_sensory(encoded[1].f16)
        self.memory.keep_for_good(self._elements(*encoded, mask[None, None].float()))

    def advance(self, encoded: EncodedFrame) -> Tensor:
        """See `FirstMaskSession`."""
        prob = functional.interpolate(self.propagate(encoded), self.size, mode="bilinear")[0, 0]
        return prob > 0.5 if self._is_label else prob

    def propagate(self, encoded: EncodedFrame) -> Tensor:
        """Probability of gas (1, 1, h, w) in the next frame."""
        frame, keys = encoded
        self._since_memory += 1
        is_written = self._since_memory >= self._every_frames
        read = self.memory.read(keys.key[0].flatten(1), keys.selection[0].flatten(1))
        readout = read.reshape(1, len(read), *keys.key.shape[2:])
        self.sensory, _, prob = self._network.segment(
            keys, readout, self.sensory, frame.shape[2:], update=not is_written
        )
        if is_written:
            self.memory.keep(self._elements(frame, keys, prob))
            self._since_memory = 0
        return prob

    def _elements(self, frame: Tensor, keys: Keys, mask: Tensor) -> Elements:
        """A frame as elements of memory; its value updates the sensory state."""
        value, self.sensory = self._network.encode_value(
            frame, keys.f16, mask, self.sensory, deep_update=True
        )
        parts = (keys.key, keys.shrinkage, keys.selection, value)
        return Elements.new(*(part[0].flatten(1) for part in parts))


class XmemSettings(NetworkSettings):
    """Settings of XMem++.

    Attributes:
        key_encoder: the encoder of frames.
        value_encoder: the encoder of frames with masks.
        widths: channels of the network's parts.
        memory: limits of the memory.
        training: samples of the training.
        output: `label`: maps are 0 or 1, as the published models write them, or `soft`:
            probabilities.
    """

    key_encoder: ResNetSettings = ResNetSettings(name="resnet50")
    value_encoder: ResNetSettings = ResNetSettings(name="resnet18")
    widths: XmemWidthSettings = XmemWidthSettings()
    memory: XmemMemorySettings = XmemMemorySettings()
    training: XmemTrainingSettings = XmemTrainingSettings()
    output: Literal["label", "soft"] = "label"
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        weight_decay=0.05,
        targets_per_step=32,
        gradient_clip=GradientClip(by="norm", at=3.0),
    )

    @model_validator(mode="after")
    def _mask_kernels_are_trained(self) -> Self:
        if self.value_encoder.weights is not None and self.value_encoder.frozen_stages:
            raise ValueError(
                "value_encoder: with weights, the stem's kernels for masks start at zero and "
                "must be trained; set frozen_stages to 0"
            )
        return self


PUBLISHED_PARTS = {
    r"key_encoder\.res2": "key_encoder.body.layer1",
    r"(key|value)_encoder\.(conv1|bn1|layer[123])": r"\1_encoder.body.\2",
    r"key_proj\.key_proj": "key_head.key",
    r"key_proj\.d_proj": "key_head.shrinkage",
    r"key_proj\.e_proj": "key_head.selection",
    r"value_encoder\.hidden_reinforce": "deep_update",
    r"decoder\.hidden_update\.(g\d+)_conv": r"decoder.sensory.\1",
    r"decoder\.hidden_update": "decoder.sensory.update",
    r"decoder\.up_\d+_(\d)\.skip_conv": r"decoder.up_\1.skip",
    r"decoder\.up_\d+_(\d)\.out_conv\.downsample": r"decoder.up_\1.refine.skip",
    r"decoder\.up_\d+_(\d)\.out_conv": r"decoder.up_\1.refine",
    r"decoder\.pred": "decoder.score",
}
FUSE_PARTS = {
    r"block1\.downsample": "join.skip",
    "block1": "join",
    r"attention\.ChannelGate\.mlp\.1": "attention.channels.0",
    r"attention\.ChannelGate\.mlp\.3": "attention.channels.2",
    r"attention\.SpatialGate\.spatial\.conv": "attention.positions",
    r"block2\.downsample": "refine.skip",
    "block2": "refine",
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints of XMem, which XMem++ uses too. All of their weights are used."""
    rules: Rules = [
        *part_rules("", "", PUBLISHED_PARTS),
        *part_rules(r"value_encoder\.fuser\.", "value_fuse.", FUSE_PARTS),
        *part_rules(r"decoder\.fuser\.", "decoder.fuse.", FUSE_PARTS),
    ]
    return Published(rules)


@register(
    "xmem_pp",
    "XMem++",
    paper="ICCV 2023, arXiv 2307.15958",
    order=40,
    prompt="first_mask",
    published=published,
)
class XmemModel(Model[XmemSettings]):
    """XMem++ (arXiv 2307.15958): propagates the gas of one prompted frame.

    With one prompted frame, as here, it is XMem (arXiv 2207.07115) with limits of the working
    memory that are larger by one.
    """

    settings_class = XmemSettings
    session_class = XmemSession
    encoders = ("key_encoder", "value_encoder")
    network: Xmem

    @property
    def sampling(self) -> SpreadFrames:
        """Frames of a clip, further and further apart, half of the samples backwards."""
        settings = self.settings.training
        return SpreadFrames(
            settings.n_frames,
            settings.max_frame_gap,
            reverse_fraction=0.5,
            first_gas_px=1,
            attempts=5,
        )

    def _build(self) -> None:
        settings = self.settings
        self.network = Xmem(
            settings.key_encoder,
            settings.value_encoder,
            settings.widths,
            # It encodes the frames of a sample but the last one after the other: together they
            # move its statistics as far as a single batch moves those of the key encoder.
            value_norm_momentum=NORM_MOMENTUM / (settings.training.n_frames - 1),
        )

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.key_encoder.body, self.settings.key_encoder)
        begin_encoder(self.network.value_encoder.body, self.settings.value_encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of spread frames; see `Model.training_step`."""
        return clip_loss(
            self.network,
            normalised(batch.frames, self.settings.normalisation),
            (batch.masks > 0.5).float().masked_fill(batch.masks < 0, -1.0),
            self.settings.training,
            progress,
        )
