"""What is painted on top of the rays: liquid, and the spoiling of planted violations of picture quality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wmenv.worlds.scenes.rollout import Look
from wmenv.worlds.scenes.world import World

FloatArray = NDArray[np.float64]

THRESHOLD = 0.55
"""Of the summed Gaussians: half a spacing outside the outermost particles of a lattice."""


def liquid_field(particles: FloatArray, world: World, size: int) -> FloatArray:
    """(H, W) sum of Gaussians, one a particle, at the pixel centres of the plane."""
    assert world.liquid is not None
    here = particles[~np.isnan(particles[:, 0])]
    scale = world.camera.scale(size)
    width = 0.8 * world.liquid.spacing * scale
    centres = world.camera.pixels(here, size)
    grid = np.arange(size)
    columns = np.exp(-(((grid[:, None] - centres[None, :, 0]) / width) ** 2))
    rows = np.exp(-(((grid[:, None] - centres[None, :, 1]) / width) ** 2))
    return np.asarray(np.einsum("yp,xp->yx", rows, columns))


def paint_liquid(
    picture: FloatArray,
    parts: NDArray[np.int16],
    depth: NDArray[np.float32],
    particles: FloatArray,
    world: World,
    eye: FloatArray,
    size: int,
) -> None:
    """Paint the liquid where nothing in front of the plane hides it; picture, parts and depth change in place."""
    assert world.liquid is not None
    field = liquid_field(particles, world, size)
    steepness = 1.0 / (0.8 * world.liquid.spacing * world.camera.scale(size))
    alpha = np.clip((field - THRESHOLD) / (THRESHOLD * steepness) + 0.5, 0.0, 1.0)
    plane = -eye[1]
    solid = np.array([part.solid and part.role != "decor" for part in world.parts] + [False])[parts]
    alpha *= ~solid & (depth > 0.98 * plane)
    shade = 1.0 + 0.08 * np.clip(2 - field, -1, 1)
    colour = np.array(world.liquid.colour, float) * shade[..., None]
    picture += alpha[..., None] * (colour - picture)
    inside = alpha > 0.5
    parts[inside] = -2
    depth[inside] = plane


def spoil(frames: FloatArray, look: Look) -> NDArray[np.uint8]:
    """Frames (T, H, W, 3) as uint8 with the gain, blur and noise of a look."""
    size = frames.shape[2]
    out = frames
    if (look.blur > 0).any():
        out = np.stack([_blurred(f, s * size / 128) if s > 0 else f for f, s in zip(out, look.blur, strict=True)])
    if (look.gain != 1).any():
        out = out * look.gain[:, None, None, None]
    if (look.noise > 0).any():
        rng = np.random.Generator(np.random.PCG64(look.noise_seed))
        out = out + rng.standard_normal(out.shape) * look.noise[:, None, None, None]
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _blurred(frame: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (H, W, 3), edges repeated."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(frame, pad, mode="edge")
        frame = sum(k * np.take(padded, np.arange(frame.shape[axis]) + j, axis=axis) for j, k in enumerate(kernel))
    return frame
