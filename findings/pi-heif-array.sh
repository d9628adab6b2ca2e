#!/bin/sh
# pi-heif 1.4.0: np.asarray of an image is a view that keeps nothing alive.
# Numpy keeps the object alive that an array looks into. Here that is a memoryview of no object, so the array does not
# hold the image that it was made from: copy the pixels while the image is still named. The array is used here only
# while the image lives. Seen: 'owner of the view: None', 'array owns its pixels: False', 'more holds of the image: 0'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pi-heif==1.4.0 pillow-heif==1.8.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import io, sys
import numpy as np, pi_heif, pillow_heif
made = io.BytesIO()
pillow_heif.from_bytes(mode="RGB", size=(64, 64), data=bytes(64 * 64 * 3)).save(made, quality=90)
file = pi_heif.open_heif(io.BytesIO(made.getvalue()))
image = file[0]
before = sys.getrefcount(image)
array = np.asarray(image)
more = sys.getrefcount(image) - before
print("owner of the view:", array.base.obj)
print("array owns its pixels:", array.flags.owndata)
print("more holds of the image:", more)
assert array.base.obj is None and not array.flags.owndata and more == 0
del array
EOF
