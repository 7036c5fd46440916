"""From gas in the line of sight to the temperature that an infrared camera measures."""

import numpy as np

from fgstp.plumes.images import FloatImage

_G_PER_M2_PER_PPM_M = 6.67e-4  # methane at 1 atm and 293 K
_ABSORPTION_PER_PPM_M = 1.1e-4  # mean of methane's nu3 band over the filter, 3.2-3.4 um
_SATURATION_PPM_M = 5000.0  # above this the strong lines of the band are opaque


def column_density_ppm_m(column_g_per_m2: FloatImage) -> FloatImage:
    """Convert the mass of methane in the line of sight to concentration times length.

    Args:
        column_g_per_m2: float32 (H, W), >= 0.

    Returns:
        float32 (H, W), ppm m.
    """
    return column_g_per_m2 * np.float32(1.0 / _G_PER_M2_PER_PPM_M)


def absorbed_fraction(column_ppm_m: FloatImage) -> FloatImage:
    """Fraction of the filter's band that methane absorbs, by Beer-Lambert with line saturation.

    1 - exp(-k CL / sqrt(1 + CL/CL_s)): linear in CL for thin gas; the exponent grows with
    the square root of CL where the strong lines are saturated.

    Args:
        column_ppm_m: float32 (H, W), >= 0.

    Returns:
        float32 (H, W), 0-1.
    """
    saturation = np.sqrt(1.0 + column_ppm_m / np.float32(_SATURATION_PPM_M))
    optical_depth = np.float32(_ABSORPTION_PER_PPM_M) * column_ppm_m / saturation
    return np.asarray(-np.expm1(-optical_depth), np.float32)


def seen_through(background_k: FloatImage, absorbed: FloatImage, gas_k: float) -> FloatImage:
    """Temperature that the camera measures through a layer that absorbs and emits.

    T = (1 - a) T_b + a T_g, the linear form of (B(T_b) - B(T_g)) (1 - tau) (Zeng and
    Morris 2018): gas warmer than its background looks bright, colder gas dark.

    Args:
        background_k: float32 (H, W), temperature behind the layer.
        absorbed: float32 (H, W), 0-1, fraction that the layer absorbs.
        gas_k: temperature of the layer, on the scale of `background_k`.

    Returns:
        float32 (H, W).
    """
    return background_k + absorbed * (np.float32(gas_k) - background_k)
