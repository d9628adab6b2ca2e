"""ONNX Runtime."""

import importlib.util

from rnan.errors import ConfigError, MissingExtraError, OptionRef
from rnan.runtimes.graph import Array, load_error, run_error, sizes
from rnan.runtimes.threads import threads

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntimeGraph:
    """A graph in ONNX Runtime.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ConfigError: It cannot use the device.
        WeightsError: The file is damaged or no ONNX graph.
    """

    def __init__(self, content: bytes, device: str = "cpu") -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnx") from error
        kind = device.partition(":")[0]
        if kind not in usable_devices():
            ref = OptionRef("device", "cpu")
            raise ConfigError(f"this ONNX Runtime cannot use {device}; try ", ref)
        provider = _PROVIDERS[kind]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.log_severity_level = 4  # what goes wrong is raised
        options.enable_cpu_mem_arena = False  # it never gives back its largest block
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=[provider])
        except Exception as error:  # its errors have no common base
            raise load_error("ONNX Runtime", error) from error
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        self.inputs = [(one.name, sizes(one.shape)) for one in self._session.get_inputs()]
        self._output = self._session.get_outputs()[0].name

    def __call__(self, *arrays: Array) -> Array:
        """See :class:`Graph`."""
        names = [name for name, _ in self.inputs]
        try:
            result: Array = self._session.run(
                [self._output], dict(zip(names, arrays, strict=True))
            )[0]
        except Exception as error:  # its errors have no common base
            raise run_error("ONNX Runtime", error) from error
        return result


def is_installed() -> bool:
    """Whether ONNX Runtime is there."""
    return importlib.util.find_spec("onnxruntime") is not None


def usable_devices() -> set[str]:
    """Kinds of devices that the installed build can use."""
    if not is_installed():
        return {"cpu"}
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return {kind for kind, provider in _PROVIDERS.items() if provider in available}
