#!/bin/sh
# Pillow 13.0.0: an AVIF of 10 bits is read as 8, without a warning.
# Its mode is RGB and nothing in info says that there was more; imagecodecs 2026.3.6 reads all bits. Seen: 'Pillow: RGB
# [duration, timestamp], 256 shades; imagecodecs: uint16, 1024 shades'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import io, warnings
import imagecodecs, numpy as np
from PIL import Image
warnings.simplefilter("error")
ramp = np.repeat(np.arange(1024, dtype=np.uint16)[None, :, None], 16, axis=0).repeat(3, axis=2)
data = bytes(imagecodecs.avif_encode(ramp, level=100, bitspersample=10))
with Image.open(io.BytesIO(data)) as image:
    pillow, mode, info = np.asarray(image), image.mode, sorted(image.info)
whole = imagecodecs.avif_decode(data)
print(f"Pillow: {mode} {info}, {len(np.unique(pillow[8]))} shades;", f"imagecodecs: {whole.dtype}, {len(np.unique(whole[8]))} shades")
assert mode == "RGB" and pillow.dtype == np.uint8 and not any("bit" in name for name in info)
assert whole.dtype == np.uint16 and len(np.unique(whole[8])) > 900
EOF
