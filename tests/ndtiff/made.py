"""Folders of single planes of known content, as Micro-Manager 1.4 and 2 name and describe them."""

from __future__ import annotations

import json

import numpy as np
import tifffile

SUMMARY = {
    "MicroManagerVersion": "1.4.22", "Frames": 2, "Slices": 3, "Channels": 2, "PixelSize_um": 0.65,
    "z-step_um": 0.5, "Interval_ms": 1000, "ChNames": ["DAPI", "Cy5"], "ChColors": [-16776961, -65536],
}  # fmt: skip
VOXELS = np.random.default_rng(1).integers(0, 4000, (2, 2, 3, 6, 7), "u2")


def told(t, z):
    return {
        "ElapsedTime-ms": 10 + 1020.5 * t, "XPositionUm": 12.5, "YPositionUm": -3, "ZPositionUm": 7 + 0.5 * z,
        "PixelSizeUm": 0.65, "Channel": "as it was",
    }  # fmt: skip


def write_folder(folder, version, position=0):
    """Write planes as Micro-Manager 1.4 or 2 names and describes them."""
    folder.mkdir(parents=True)
    content = {"Summary": SUMMARY}
    for t, c, z in np.ndindex(2, 2, 3):
        where = {"FrameIndex": t, "ChannelIndex": c, "SliceIndex": z, "PositionIndex": position}
        if version == 1:
            name = f"img_{t:09d}_{SUMMARY['ChNames'][c]}_{z:03d}.tif"
            content[f"FrameKey-{t}-{c}-{z}"] = {**told(t, z), **where, "FileName": name}
        else:
            name = f"img_channel{c:03d}_position{position:03d}_time{t:09d}_z{z:03d}.tif"
            content[f"Coords-Pos{position}/{name}"] = {"time": t, "channel": c, "z": z, "position": position}
            content[f"Metadata-Pos{position}/{name}"] = told(t, z)
        tifffile.imwrite(folder / name, VOXELS[t, c, z], photometric="minisblack", metadata=None)
    (folder / "metadata.txt").write_text(json.dumps(content, indent=1))
    return folder
