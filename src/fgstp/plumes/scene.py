"""The static background of a video: one of several scenes, and the equipment that leaks."""

import dataclasses

import numpy as np

from fgstp.plumes.canvas import Canvas
from fgstp.plumes.fields import power_law_field
from fgstp.plumes.ground import add_ground, add_hill, add_water, clear_sky
from fgstp.plumes.indoor import room
from fgstp.plumes.layout import Layout
from fgstp.plumes.structures import add_buildings, add_posts
from fgstp.plumes.trees import add_bare_trees, add_crowns, add_tree_line
from fgstp.plumes.tubes import Light, draw
from fgstp.plumes.view import View

_SUPERSAMPLING = 2  # scenes are drawn finer and averaged, as a detector pixel averages


def build_scene(rng: np.random.Generator, view: View) -> Canvas:
    """Draw background and equipment at the resolution of the frame."""
    x, y = (_SUPERSAMPLING * (place + 0.5) - 0.5 for place in view.source_xy_px)
    fine_view = dataclasses.replace(
        view,
        shape=(_SUPERSAMPLING * view.shape[0], _SUPERSAMPLING * view.shape[1]),
        source_xy_px=(x, y),
        horizon_px=_SUPERSAMPLING * view.horizon_px,
    )
    canvas = _background(rng, fine_view)
    _add_equipment(rng, fine_view, canvas)
    return canvas.averaged(view.shape)


def _background(rng: np.random.Generator, view: View) -> Canvas:
    if view.scene == "indoor":
        return room(rng, view)
    canvas = clear_sky(rng, view)
    if view.scene == "plant":
        add_ground(rng, view, canvas, near_k=rng.uniform(-7.0, -1.5))
    elif view.scene == "hill":
        add_hill(rng, view, canvas)
    elif view.scene == "water":
        if rng.random() < 0.6:
            add_tree_line(rng, view, canvas, height=rng.uniform(0.01, 0.05))
        add_water(rng, view, canvas)
    else:
        _add_land(rng, view, canvas)
    return canvas


def _add_land(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Meadows, trees and buildings."""
    if rng.random() < 0.7:
        add_tree_line(rng, view, canvas, height=rng.uniform(0.03, 0.15))
    add_ground(rng, view, canvas, near_k=rng.uniform(-5.0, 6.0), grass=1.0)
    if view.scene == "buildings":
        add_buildings(rng, view, canvas)
    if view.scene == "trees":
        add = add_crowns if rng.random() < 0.6 else add_bare_trees
        add(rng, view, canvas)
    elif rng.random() < 0.3:
        add_crowns(rng, view, canvas)
    if rng.random() < 0.5:
        add_posts(rng, view, canvas)


def _add_equipment(rng: np.random.Generator, view: View, canvas: Canvas) -> None:
    """Draw the stack or the pipe that leaks, and what stands around it."""
    light = Light(
        side=rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.7),
        streak_k=rng.uniform(1.5, 3.5),
        rim_k=rng.uniform(3.5, 6.0),
        slope_k=rng.uniform(0.8, 2.0),
    )
    if view.scene == "indoor":
        light = dataclasses.replace(light, rim_k=0.3 * light.rim_k, streak_k=0.3 * light.streak_k)
    equipment = np.zeros(view.shape, np.float32)
    for tube in Layout(rng, view).tubes():
        draw(canvas.temperature_k, equipment, tube, light)
    # Paint and rust: the emissivity varies over a surface.
    patches = power_law_field(rng, view.shape, slope=3.6, largest_px=view.shape[0] / 5)
    canvas.temperature_k += 0.2 * patches * equipment
    canvas.hide(equipment)
