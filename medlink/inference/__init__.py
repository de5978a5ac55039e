"""Encoders and what feeds them: word pieces, windows, batches, ONNX Runtime."""
