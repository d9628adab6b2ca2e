#!/bin/sh
# LibRaw (rawpy 0.28.0): how bright a LinearRaw DNG comes out hangs on its brightest sample.
# The white level is 16383 in all files, and no automatic brightness is asked for. LibRaw still takes the brightest
# sample for white where that lies above three quarters of it (adjust_maximum_thr), so the same value 4000 is shown
# differently beside a patch of 13000 and one of 16000. adjust_maximum_thr=0 turns that off. Seen: 4000 of 16383 is shown
# as 20163, 18077 and 16382 of 65535 beside patches of 13000, 14500 and 16000; with 0 always as 16000.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check rawpy==0.28.0 tifffile==2026.3.3 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import io
import numpy as np, rawpy, tifffile

def dng(brightest):
    values = np.full((64, 96, 3), 4000, np.uint16)
    values[20:30, 20:40] = brightest
    unit = tuple(part for value in np.eye(3).ravel() for part in (int(value), 1))
    tags = [(50706, "B", 4, bytes((1, 4, 0, 0)), True), (50708, "s", 0, "Maker Model", True),
            (50714, "H", 3, (0, 0, 0), True), (50717, "H", 3, (16383,) * 3, True),
            (50721, "2i", 9, unit, True), (50728, "2I", 3, (1, 1) * 3, True), (50778, "H", 1, 21, True)]
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric=34892, metadata=None, extratags=tags)
    return io.BytesIO(file.getvalue())

def shown(brightest, **more):
    with rawpy.imread(dng(brightest)) as raw:
        pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=(1, 1), **more)
    return int(pixels[50, 70, 1])

default = [shown(brightest) for brightest in (13_000, 14_500, 16_000)]
without = [shown(brightest, adjust_maximum_thr=0.0) for brightest in (13_000, 14_500, 16_000)]
print("LibRaw", rawpy.libraw_version, "4000 of 16383 is shown as", default, "and without as", without)
assert len(set(default)) == 3 and len(set(without)) == 1
EOF
