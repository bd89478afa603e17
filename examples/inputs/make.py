"""Makes the example inputs anew: a picture, a table and a text of our own. All are synthetic.

Needs numpy and Pillow; the made files are kept beside it, so that nobody needs to run it.
"""

from __future__ import annotations

import csv
import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

HERE = Path(__file__).parent


def ridge(rng: np.random.Generator, width: int, roughness: float) -> np.ndarray:
    """Heights (0 to 1) of a mountain ridge: midpoint displacement."""
    heights = np.zeros(2 ** math.ceil(math.log2(width)) + 1)
    step, scale = len(heights) - 1, 1.0
    heights[0], heights[-1] = rng.uniform(0.2, 0.6, 2)
    while step > 1:
        half = step // 2
        middle = (heights[0:-1:step] + heights[step::step]) / 2
        heights[half::step] = middle + rng.uniform(-scale, scale, len(middle)) * 0.35
        step, scale = half, scale * roughness
    heights = heights[:width]
    return (heights - heights.min()) / np.ptp(heights)


def picture(width: int = 720, height: int = 480) -> Image.Image:
    """A lake below mountains at dusk."""
    rng = np.random.default_rng(20)
    rows = np.clip(np.linspace(0, 1.6, height), 0, 1)[:, None, None]
    sky = (1 - rows) * np.array([38, 52, 104]) + rows * np.array([255, 196, 138])
    image = np.repeat(sky, width, axis=1)
    y, x = np.mgrid[0:height, 0:width]
    glow = np.exp(-(((x - 500) / 60.0) ** 2 + ((y - 215) / 60.0) ** 2))
    image += glow[..., None] * np.array([120, 90, 40])
    image[((x - 500) ** 2 + (y - 215) ** 2) < 24**2] = [255, 240, 205]
    shore = 300
    layers = [(0.62, 150, [122, 112, 150]), (0.56, 110, [82, 82, 124]), (0.5, 70, [44, 54, 88])]
    for roughness, tall, colour in layers:
        top = shore - 20 - ridge(rng, width, roughness) * tall
        mask = (y >= top[None, :]) & (y < shore)
        haze = np.clip((y - top[None, :]) / 160, 0, 0.35)[..., None]
        image = np.where(mask[..., None], np.array(colour) * (1 - haze) + np.array([236, 180, 150]) * haze, image)
    mirrored = image[shore - 1 :: -1][: height - shore]
    ripple = (np.sin(np.arange(height - shore)[:, None] * 0.9 + np.sin(np.arange(width) / 37)[None, :] * 2) * 2).astype(
        int
    )
    columns = np.clip(np.arange(width)[None, :] + ripple, 0, width - 1)
    water = mirrored[np.arange(height - shore)[:, None], columns]
    image[shore:] = water * 0.72 + np.array([18, 30, 58]) * 0.28
    image += rng.normal(0, 1, image.shape)
    return Image.fromarray(np.clip(image, 0, 255).astype("uint8")).filter(ImageFilter.GaussianBlur(0.6))


def readings(days: int = 730) -> list[tuple[str, str, str]]:
    """Daily levels in metres of three made-up gauges: a season, rain that runs off, a slow trend."""
    rng = np.random.default_rng(7)
    table = []
    for gauge, base, trend in (("Alder Bridge", 1.8, 0.06), ("Mill Weir", 0.9, -0.03), ("Old Ferry", 3.1, 0.0)):
        water = 0.0
        for day in range(days):
            water = water * 0.88 + rng.gamma(0.25, 0.35)
            season = 0.4 * math.cos(2 * math.pi * (day - 60) / 365.25)
            level = base + season + trend * day / 365.25 + water + rng.normal(0, 0.02)
            table.append((gauge, f"{date(2024, 1, 1) + timedelta(days=day)}", f"{level:.3f}"))
    return table


def main() -> None:
    """Write the files."""
    picture().save(HERE / "lake.png", optimize=True)
    with (HERE / "levels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("gauge", "date", "level_m"))
        writer.writerows(readings())


if __name__ == "__main__":
    main()
