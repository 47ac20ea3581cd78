"""The endpoint's program with PyTorch in the place of ONNX Runtime, all else the same."""

from __future__ import annotations

import sys

from torch_graph import TorchClassifier

from scones_model.serving import application, serve

vars(application)["Classifier"] = TorchClassifier
sys.exit(serve.main())
