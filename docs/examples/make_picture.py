"""A picture made by code: soft hills and sharp edges."""

import sys

import numpy as np
from PIL import Image

y, x = np.mgrid[0:120, 0:160] / 40.0
planes = [np.sin(a * x + y) + np.cos(x - a * y) + (np.sin(2 * x * y) > 0.3) for a in (1, 2, 3)]
picture = np.stack(planes, axis=-1)
picture = (picture - picture.min()) / np.ptp(picture)
Image.fromarray(np.rint(20 + 215 * picture).astype(np.uint8)).save(sys.argv[1])
