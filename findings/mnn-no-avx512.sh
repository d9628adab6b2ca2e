#!/bin/sh
# MNN 3.6.1 from PyPI for x86-64: its library holds kernels for AVX2 and none for AVX-512, though MNN's sources have both,
# so a processor's wider half stays unused and its advantage over a program that uses it shrinks (0.65 of PyTorch's time
# where both have AVX2, 0.72 where PyTorch takes AVX-512, for a network of 3x3 convolutions). Nothing at run time says so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check MNN==3.6.1
"$folder/venv/bin/python" - <<'EOF'
import importlib.util, platform

assert platform.machine() in ("x86_64", "AMD64"), "this is about wheels for x86"
library = open(importlib.util.find_spec("_mnncengine").origin, "rb").read()
seen = {name: library.count(name.encode()) for name in ("AVX2", "AVX512", "avx512", "vnni")}
print("MNN 3.6.1:", seen)
assert seen["AVX2"] > 10 and not seen["AVX512"] + seen["avx512"] + seen["vnni"]
EOF
