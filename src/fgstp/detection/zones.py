"""Zones: parts of the picture to watch, and others to ignore."""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import yaml
from pydantic import Field, ValidationError

from fgstp.core.config import Settings, faults
from fgstp.core.errors import FootageError, UserError
from fgstp.detection.regions import Mask

Coordinate = Annotated[float, Field(ge=-1e5, le=1e5)]
Polygon = Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=3, max_length=1000)]


class Zones(Settings):
    """Polygons of a picture, each a list of corners, column and row in pixels.

    Attributes:
        watch: by name: what is watched; without any, all of the picture.
        ignore: by name: what is not, even inside of a zone that is watched.
    """

    watch: dict[str, Polygon] = Field(default_factory=dict)
    ignore: dict[str, Polygon] = Field(default_factory=dict)

    def watched(self, size: tuple[int, int]) -> Mask | None:
        """Pixels (H, W) that are watched; None for all.

        Raises:
            FootageError: a zone lies outside of the picture, or nothing is left to watch.
        """
        if not (self.watch or self.ignore):
            return None
        pixels = np.full(size, not self.watch, np.uint8)
        for zones, value in ((self.watch, 1), (self.ignore, 0)):
            for name, polygon in zones.items():
                own = np.zeros(size, np.uint8)
                cv2.fillPoly(own, [np.rint(polygon).astype(np.int32)], 1)
                if not own.any():
                    raise FootageError(
                        f"the zone {name} lies outside of the picture, which has {size[1]} x "
                        f"{size[0]} pixels; correct its corners"
                    )
                pixels[own > 0] = value
        if not pixels.any():
            raise FootageError("the zones leave nothing to watch; ignore less")
        return np.asarray(pixels > 0)


def read_zones(path: Path) -> Zones:
    """Read zones from a YAML file with the blocks `watch` and `ignore`.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
        return Zones.model_validate({} if given is None else given)
    except ValidationError as error:
        raise UserError(f"{path}: {faults(error, 'zones')}; correct it.") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UserError(f"The zones {path} cannot be read ({reason}).") from error
