"""Models that were exported: they run by ONNX Runtime or OpenVINO, without torch."""
