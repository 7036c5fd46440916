"""The network of SINet-V2 (Concealed Object Detection, TPAMI 2022)."""

from torch import Tensor, nn

from fgstp.models.decoder import Decoder, Maps
from fgstp.models.encoder import EncoderName, PyramidEncoder
from fgstp.models.padding import enlarged, padded


class SinetV2(nn.Module):
    """Segments a frame by itself: the encoder's features go straight to the decoder.

    Frames may have any size; see `fgstp.models.padding`.

    Args:
        encoder: which backbone, a name of timm.
    """

    n_channels = 32

    def __init__(self, encoder: EncoderName = "res2net50d") -> None:
        super().__init__()
        self.encoder = PyramidEncoder(encoder, self.n_channels)
        self.decoder = Decoder(self.n_channels)

    def forward(self, frames: Tensor) -> Maps:
        """Segment frames.

        Args:
            frames: (B, 3, H, W) float32, normalised.

        Returns:
            Four maps of logits (B, 1, H, W); the last, S_3, is the prediction.
        """
        return enlarged(self.decoder(self.encoder(padded(frames))), frames.shape[-2:])
