#!/bin/sh
# pi-heif 1.4.0: np.asarray of an image is a view of memory that nobody owns.
# Numpy keeps the object alive that an array looks into. Here that is a memoryview of no object, so the image, and with
# it the pixels, are freed while the array lives. Small pictures often still look right, since small blocks of freed
# memory are not given back; pictures of some megapixels are white, garbage, or end the process when they are read.
# Nothing is read here. Seen: 'owner of the view: None', 'image freed while the array lives: True'.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pi-heif==1.4.0 pillow-heif==1.8.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'EOF'
import gc, io, weakref
import numpy as np, pi_heif, pillow_heif
made = io.BytesIO()
pillow_heif.from_bytes(mode="RGB", size=(64, 64), data=bytes(64 * 64 * 3)).save(made, quality=90)
file = pi_heif.open_heif(io.BytesIO(made.getvalue()))
image = file[0]
array = np.asarray(image)
gone = weakref.ref(image)
print("owner of the view:", array.base.obj)
assert array.base.obj is None and not array.flags.owndata
del image, file
gc.collect()
print("image freed while the array lives:", gone() is None)
assert gone() is None
EOF
