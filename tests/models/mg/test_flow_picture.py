import math

import numpy as np
import pytest
import torch

from fgstp.models.mg.flow_picture import flow_pictures

# Where the wheel turns from one of its six pure colours to the next, and in how many hues.
SEGMENTS = (
    ((255, 0, 0), (255, 255, 0), 15),
    ((255, 255, 0), (0, 255, 0), 6),
    ((0, 255, 0), (0, 255, 255), 4),
    ((0, 255, 255), (0, 0, 255), 11),
    ((0, 0, 255), (255, 0, 255), 13),
    ((255, 0, 255), (255, 0, 0), 6),
)
WHEEL = np.array(
    [
        np.floor(np.array(here) + (np.array(there) - here) * i / n)
        for here, there, n in SEGMENTS
        for i in range(n)
    ]
)


def hue(u, v):
    """Colour of a pixel, 0 to 1, at full speed: the direction, from left by up to the right."""
    place = (math.atan2(-v, -u) / math.pi + 1) / 2 * 54
    low = math.floor(place)
    colours = WHEEL[[low, (low + 1) % 55]] / 255
    return colours[0] + (place - low) * (colours[1] - colours[0])


def test_a_rotating_field_shows_the_wheel():
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    flow = np.stack([-y, x])
    inside = np.hypot(x, y) <= 20
    flow[:, ~inside] = 0
    pictures = flow_pictures(torch.from_numpy(3.0 * flow).unsqueeze(0))
    assert pictures.shape == (1, 3, 41, 41)
    got = (pictures[0].numpy() + 1) / 2
    for row in range(41):
        for column in range(41):
            u, v = flow[:, row, column]
            expected = 1 - np.hypot(u, v) / 20 * (1 - hue(u, v))
            np.testing.assert_allclose(got[:, row, column], expected, atol=1.5 / 255)


@pytest.mark.parametrize(
    ("direction", "colour"),
    [((1, 0), (1, 0, 0)), ((-1, 0), WHEEL[27] / 255), ((0, 1), WHEEL[[13, 14]].mean(0) / 255)],
)
def test_known_directions_have_known_hues(direction, colour):
    # Rightwards is red, the first; leftwards the middle of the 55; downwards between 13 and 14.
    flow = torch.zeros(1, 2, 2, 2)
    flow[0, :, 0, 0] = torch.tensor(direction)
    got = (flow_pictures(flow)[0, :, 0, 0] + 1) / 2
    np.testing.assert_allclose(got.numpy(), colour, atol=1.5 / 255)


def test_rest_is_white():
    assert (flow_pictures(torch.zeros(2, 2, 4, 5)) == 1).all()


def test_each_field_is_divided_by_its_own_greatest_speed(draw):
    slow, fast = draw(2, 2, 6, 7)
    together = flow_pictures(torch.stack([slow, 50 * fast]))
    for field, picture in zip((100 * slow, fast), together, strict=True):
        alone = flow_pictures(field.unsqueeze(0))[0]
        torch.testing.assert_close(alone, picture, atol=2.1 / 255, rtol=0)
    assert together.min() >= -1
    assert together.max() <= 1
    assert together.min() < -0.5  # a pixel of full colour is there
