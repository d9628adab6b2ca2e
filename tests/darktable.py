"""How darktable 5.6 reads a ``.dtmodel`` and cuts a picture, told from its sources.

``src/common/ai_models.c`` (install), ``src/ai/backend_common.c`` (config.json),
``src/common/ai/restore.c`` (tile sizes), ``src/common/ai/restore_rgb.c`` (tiles).
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

OVERLAP = {"denoise": 64, "upscale": 16}
LADDER = {"denoise": [2048, 1536, 1024, 768, 512, 384, 256], "upscale": [768, 512, 384, 256, 192]}


def install(path: Path, models: Path) -> Path:
    """The folder of the model; its name is that of the first entry's folder."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        top = names[0].split("/")[0]
        assert top not in ("", ".", "..")
        assert "\\" not in top
        assert all(".." not in name and name.startswith(f"{top}/") for name in names)
        archive.extractall(models)
    return models / top


class Model:
    """A model that was found in a folder of models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        assert isinstance(self.config["id"], str)
        assert isinstance(self.config["name"], str)
        assert self.config["id"] == folder.name
        assert self.config.get("backend", "onnx") == "onnx"
        self.task = self.config.get("task", "general")
        attributes = self.config.get("attributes", {})
        self.sides: list[int] = attributes.get("input_sizes") or LADDER[self.task]

    def side_for(self, free: int, scale: int = 1) -> int:
        """The largest tile that a quarter of the free memory holds, as darktable reckons."""
        factor = 50 if scale > 1 else 100
        for side in self.sides:
            pixels = (side * scale) ** 2
            if 12 * side**2 + 12 * pixels + 12 * pixels * factor <= free // 4:
                return side
        return self.sides[-1]

    def session(self, file: str, side: int) -> onnxruntime.InferenceSession:
        """With the sizes of a tile in place of the symbols."""
        options = onnxruntime.SessionOptions()
        for name, value in (("batch_size", 1), ("batch", 1), ("height", side), ("width", side)):
            options.add_free_dimension_override_by_name(name, value)
        content = (self.folder / file).read_bytes()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        assert len(session.get_inputs()) == self.config.get("num_inputs", 1) <= 4
        assert session.get_inputs()[0].shape == [1, 3, side, side]
        return session

    def restore(
        self, picture: NDArray[np.float32], *, file: str = "model.onnx", scale: int = 1, side: int
    ) -> NDArray[np.float32]:
        """Restore ``(3, H, W)``, sRGB in [0, 1], in tiles of ``side``."""
        session = self.session(file, side)
        names = [one.name for one in session.get_inputs()]
        around = OVERLAP[self.task]
        step = side - 2 * around
        _, height, width = picture.shape
        out = np.zeros((3, height * scale, width * scale), np.float32)
        for y in range(0, height, step):
            for x in range(0, width, step):
                rows = [mirror(y - around + i, height) for i in range(side)]
                columns = [mirror(x - around + i, width) for i in range(side)]
                tile = np.minimum(picture[:, rows][:, :, columns], 1.0)[None]
                feed = {names[0]: tile}
                if len(names) > 1:
                    feed[names[1]] = np.full((1, 1, side, side), 25 / 255, np.float32)
                restored = session.run(None, feed)[0][0]
                high, wide = min(step, height - y), min(step, width - x)
                cut = around * scale
                out[:, y * scale : (y + high) * scale, x * scale : (x + wide) * scale] = restored[
                    :, cut : cut + high * scale, cut : cut + wide * scale
                ]
        return out


def mirror(position: int, length: int) -> int:
    """The position inside a picture; beyond two reflections it stays at the border."""
    position = abs(position)
    if position >= length:
        position = 2 * length - 2 - position
    return min(max(position, 0), length - 1)
