"""The same network behind a plain FastAPI and PyTorch server, as one writes it in ten minutes."""

# mypy: disable-error-code="import-not-found, untyped-decorator"
# FastAPI and PyTorch are no requirements of scones-model.

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from torch_graph import TorchClassifier

app = FastAPI()
(model_file,) = Path(os.environ["SM_MODEL_DIR"]).glob("*.onnx")
classifier = TorchClassifier(model_file)


@app.get("/ping")
async def ping() -> dict[str, object]:
    """The threads too, as they are what a rival is measured with."""
    return {"threads": torch.get_num_threads()}


@app.post("/invocations")
async def invocations(request: Request) -> list[float]:
    """Class probabilities of the picture in the body."""
    image = Image.open(io.BytesIO(await request.body())).convert("RGB")
    answer: list[float] = classifier.probabilities(np.asarray(image)[None])[0].tolist()
    return answer


if __name__ == "__main__":
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False)
