#!/bin/sh
# pi-heif 1.4.0: white of a 10-bit HEIC read as 16 bits is 65472, not 65535.
# Samples are shifted by six bits instead of scaled, so that the lowest bits are zero and white is a little gray; of 12
# bits it is 65520. Seen: 'RGB;16 10 bits: white is 65472'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pi-heif==1.4.0 pillow-heif==1.8.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import io
import numpy as np, pi_heif, pillow_heif
white = np.full((64, 64, 3), 65535, np.uint16)
made = io.BytesIO()
pillow_heif.from_bytes(mode="RGB;16", size=(64, 64), data=white.tobytes()).save(made, quality=-1)
image = pi_heif.open_heif(io.BytesIO(made.getvalue()), convert_hdr_to_8bit=False)[0]
largest = int(np.array(image).max())
print(image.mode, image.info["bit_depth"], "bits: white is", largest)
assert largest == 65472
EOF
