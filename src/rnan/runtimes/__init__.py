"""Programs that run ONNX graphs, whichever is installed."""
