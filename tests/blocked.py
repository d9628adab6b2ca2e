"""``rnan`` in an environment without the packages that only extras bring."""

import importlib.abc
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

ABSENT = {
    "torch",
    "scipy",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "openvino",
    "skimage",
    "matplotlib",
}


class Absent(importlib.abc.MetaPathFinder):
    """Finds nothing of them, before anybody else does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
    """What ``importlib.util.find_spec`` says then."""
    return None if name.partition(".")[0] in ABSENT else FIND_SPEC(name, package)


FIND_SPEC = importlib.util.find_spec

if __name__ == "__main__":
    sys.meta_path.insert(0, Absent())
    importlib.util.find_spec = find_spec
    del sys.argv[0]
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        sys.argv.insert(0, "rnan")
        runpy.run_module("rnan", run_name="__main__")
