"""Image restoration with the residual non-local attention network (Zhang et al., ICLR 2019).

import rnan

restored = rnan.restore(picture, level="auto")          # one picture
restorer = rnan.load_restorer("denoise-color")          # many pictures
pixels = rnan.develop("photo.dng")                      # camera raw
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rnan.api import develop, list_models, load_restorer, restore
    from rnan.errors import RnanError
    from rnan.inference import Restorer

_HOMES = {
    "Restorer": "rnan.inference",
    "RnanError": "rnan.errors",
    "develop": "rnan.api",
    "list_models": "rnan.api",
    "load_restorer": "rnan.api",
    "restore": "rnan.api",
}
__all__ = [
    "Restorer",
    "RnanError",
    "__version__",
    "develop",
    "list_models",
    "load_restorer",
    "restore",
]


def __getattr__(name: str) -> Any:
    # PEP 562: `import rnan` stays light; torch is loaded with the first name that needs it.
    if name not in _HOMES:
        raise AttributeError(f"module 'rnan' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
