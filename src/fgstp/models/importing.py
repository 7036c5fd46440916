"""Published checkpoints made into checkpoints of this project."""

from collections.abc import Callable, Mapping
from pathlib import Path

from fgstp.models.correlation import Variant
from fgstp.models.encoder import PvtName
from fgstp.models.published import fgstp_rules
from fgstp.models.registry import AnySystem, build_system
from fgstp.models.state_dicts import Rules, check_fit, read_weights, renamed

IMPORTABLE: Mapping[str, Callable[[], Rules]] = {"fgstp": fgstp_rules}


def import_published(
    path: Path, system: str, variant: Variant = "released", encoder: PvtName = "pvt_v2_b5"
) -> AnySystem:
    """Make a system of a published state dict.

    Args:
        path: the file, as the authors wrote it.
        system: name of the system, one of `IMPORTABLE`.
        variant: what the correlation computes; the published weights were trained as `released`,
            with both neighbours after the target.
        encoder: size of the encoder.

    Returns:
        The system with these weights; of the `released` variant, with neighbours `forward`.

    Raises:
        UserError: the file cannot be read, or its weights do not fit the network exactly.
    """
    imported = build_system(
        system,
        {
            "variant": variant,
            "encoder": {"name": encoder},
            "neighbours": "forward" if variant == "released" else "centred",
        },
    )
    weights, unmatched = renamed(read_weights(path), IMPORTABLE[system]())
    expected = imported.network.state_dict()
    check_fit(weights, expected, unmatched=unmatched, what=f"{path} does not fit {system}")
    imported.network.load_state_dict(weights)
    return imported
