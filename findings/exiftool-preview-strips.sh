#!/bin/sh
# ExifTool 13.59: the JPEG preview of a DNG that lies in several strips is taken for its first strip alone.
# A preview in the first page of a DNG may be cut into strips like any TIFF picture, and tifffile does so above 256 kB of
# pixels unless rowsperstrip says otherwise. ExifTool adds the strips' lengths as if they were one number: it warns
# "isn't numeric in addition", and -b -PreviewImage writes the upper quarter of the picture. In one strip it writes
# all of it. -validate says OK to both. Seen: 91994 bytes of the preview in one strip, 22424 of the one in four.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
npm install --silent --no-fund --no-audit exiftool-vendored.pl@13.59.3 >/dev/null
venv/bin/python - <<'END'
import numpy as np, tifffile

gray = (np.arange(480)[:, None] + np.arange(640)) % 256
rgb = np.stack([gray] * 3, 2).astype(np.uint8)
tags = [(50706, "B", 4, bytes((1, 4, 0, 0)), True), (50708, "s", 0, "Maker Model", True)]
for name, rows in (("one", 480), ("four", 120)):
    tifffile.imwrite(f"{name}.dng", rgb, photometric="ycbcr", subsampling=(1, 1), compression="jpeg",
                     rowsperstrip=rows, subfiletype=1, metadata=None, extratags=tags, software=False)
END
exiftool="perl node_modules/exiftool-vendored.pl/bin/exiftool"
one=$($exiftool -b -PreviewImage one.dng | wc -c)
four=$($exiftool -b -PreviewImage four.dng 2>/dev/null | wc -c)
warned=$($exiftool -warning -PreviewImage four.dng)
echo "ExifTool $($exiftool -ver): $one bytes of the preview in one strip, $four of the one in four strips"
echo "$warned"
test "$four" -lt $((one / 3))
echo "$warned" | grep -q "isn't numeric in addition"
