#!/bin/sh
# rawpy 0.28.0 (LibRaw 0.22): rgb_xyz_matrix of a DNG is all zeros, though the file has a ColorMatrix1 and LibRaw uses it.
# LibRaw fills cam_xyz from its own list of cameras only; what a DNG says stays in dng_color, which rawpy does not show, and
# in rgb_cam, which it shows as color_matrix and applies when it develops. A program that takes rgb_xyz_matrix for every
# raw file, as it can for the cameras of that list, finds a singular matrix for DNGs of all others. Seen: zeros, while
# color_matrix differs between two files that differ in ColorMatrix1 alone, and so do the developed pictures.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check rawpy==0.28.0 tifffile==2026.3.3 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import io
import numpy as np, rawpy, tifffile

XYZ_TO_SRGB = np.array([[3.2405, -1.5371, -0.4985], [-0.9693, 1.8760, 0.0416], [0.0556, -0.2040, 1.0572]])

def dng(matrix):
    values = np.full((64, 96), 3000, np.uint16)
    values[::2, ::2] = 9000  # red
    fractions = tuple(part for value in matrix.ravel() for part in (round(1e6 * value), 10**6))
    tags = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, bytes((0, 1, 1, 2)), True),
            (50706, "B", 4, bytes((1, 4, 0, 0)), True), (50708, "s", 0, "Maker Model", True),
            (50714, "H", 1, 0, True), (50717, "H", 1, 16383, True), (50721, "2i", 9, fractions, True),
            (50728, "2I", 3, (1, 1) * 3, True), (50778, "H", 1, 21, True)]
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric=32803, metadata=None, extratags=tags)
    return io.BytesIO(file.getvalue())

def look(matrix):
    with rawpy.imread(dng(matrix)) as raw:
        pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=(1, 1))
        return raw.rgb_xyz_matrix.copy(), raw.color_matrix.copy(), pixels[30, 40]

mixing = np.array([[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.05, 0.25, 0.7]])
plain, mixed = look(XYZ_TO_SRGB), look(mixing @ XYZ_TO_SRGB)
print("LibRaw", rawpy.libraw_version, "rgb_xyz_matrix", plain[0].ravel(), mixed[0].ravel())
print("color_matrix", plain[1].ravel().round(2), mixed[1].ravel().round(2), "developed", plain[2], mixed[2])
assert not plain[0].any() and not mixed[0].any()
assert np.abs(plain[1] - mixed[1]).max() > 0.1 and np.abs(plain[2].astype(int) - mixed[2]).max() > 1000
