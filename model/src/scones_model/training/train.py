"""Train a classifier from class subfolders and export it as one servable ONNX file.

SageMaker script mode and a local run are the same: channels, hyperparameters and folders come from
SageMaker's environment where it is there, and from options elsewhere. A part of the *training*
pictures is held out for the temperature; test pictures are used for the final figures alone.
"""

# mypy: disable-error-code="import-not-found, no-untyped-call"

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import sys
import traceback
import warnings
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its name everywhere
from torch.optim.swa_utils import AveragedModel

from scones_model.evaluation import figures
from scones_model.training.augment import augment
from scones_model.evaluation.evaluate import evaluate
from scones_model.data.folders import InvalidFolder, class_names, divide, pictures, read_pixels
from scones_model.serving.inference import Classifier
from scones_model.serving.metadata import ModelMetadata
from scones_model.training.network import ResNet9, Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ExportDiffers", "main", "train"]

HELD_OUT_SHARE = 0.12
WARM_UP_SHARE = 0.2
EMA_DECAY = 0.98
LABEL_SMOOTHING = 0.1
EXPORT_TOLERANCE = 1e-4
GREY = (128, 128, 128)

console = Console(stderr=True)


class ExportDiffers(RuntimeError):
    """The exported graph does not answer as the trained network does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Train once; status 1 and SageMaker's `failure` file when it fails."""
    given = [*_hyperparameters_of_sagemaker(), *(sys.argv[1:] if argv is None else argv)]
    options = _parser().parse_args(given)
    try:
        train(options, "python -m scones_model.training.train " + shlex.join(given))
    except InvalidFolder as error:
        return _failed(str(error))
    # SageMaker shows the file's text as the job's failure reason, whatever the fault was.
    except Exception:  # noqa: BLE001
        return _failed(traceback.format_exc())
    return 0


def train(options: argparse.Namespace, command: str) -> Path:
    """From folders to a servable file: read, fit, calibrate, export, evaluate.

    Returns the path of the ONNX file; `command` is noted in it. Raises InvalidFolder.
    """
    torch.manual_seed(options.seed)
    labels = class_names(options.train)
    training, held_out = _read(options, labels)
    colors = training[0].reshape(-1, 3) / 255
    served = Served(ResNet9(len(labels), options.width), colors.mean(axis=0), colors.std(axis=0))
    served.network = _fit(served, training, held_out, options)
    temperature, held_out_figures = _calibrate(served, held_out)
    path: Path = options.model_dir / f"{options.model_name}.onnx"
    about = ModelMetadata(
        labels=labels,
        input_width=options.size,
        input_height=options.size,
        fit=options.fit,
        pad_color=_rgb(colors.mean(axis=0)),
        temperature=temperature,
        threshold=0.9,
        command=command,
        seed=options.seed,
        figures={"train_images": len(training[0]), **held_out_figures},
    )
    _export(served, path, about, held_out[0][:64])
    _write_predictions(path, labels, held_out)
    if options.test is not None:
        _note_test_figures(path, about, options.test)
    return path


# --- pictures ------------------------------------------------------------------------------------

Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Pixels [n, height, width, 3] and class numbers [n]."""


def _read(options: argparse.Namespace, labels: Sequence[str]) -> tuple[Labelled, Labelled]:
    """The training pictures, and those held out for calibration."""
    parts = [divide(pictures(options.train / label), HELD_OUT_SHARE) for label in labels]
    rest, held_out = zip(*parts, strict=True)
    return _labelled(rest, options), _labelled(held_out, options)


def _labelled(files: Sequence[Sequence[Path]], options: argparse.Namespace) -> Labelled:
    """Pixels of `files`, which are listed class by class."""
    every = [path for group in files for path in group]
    pixels = read_pixels(every, (options.size, options.size), options.fit, GREY)
    return pixels, np.repeat(np.arange(len(files)), [len(group) for group in files])


def _rgb(color: NDArray[np.float64]) -> tuple[int, int, int]:
    red, green, blue = (round(float(value) * 255) for value in color)
    return red, green, blue


# --- training ------------------------------------------------------------------------------------


def _fit(
    served: Served, training: Labelled, held_out: Labelled, options: argparse.Namespace
) -> nn.Module:
    """Train `served.network`; returns the moving average of its weights, ready to answer."""
    steps = options.epochs * max(len(training[0]) // options.batch_size, 1)
    average = AveragedModel(served.network, avg_fn=_moving_average, use_buffers=True)
    optimizer = torch.optim.AdamW(
        served.network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    progress = Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=console)
    with progress:
        for epoch in progress.track(range(1, options.epochs + 1), description="training"):
            batches = _batches(served, training, options.batch_size)
            loss = _epoch(served.network, average, batches, optimizer, schedule)
            if epoch % 5 == 0 or epoch == options.epochs:
                _tell(epoch, loss, average.module, served, held_out)
    return average.module.eval()


def _epoch(
    network: nn.Module,
    average: AveragedModel,
    batches: Iterator[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    """One pass over the training pictures; the mean loss."""
    losses = []
    for images, classes in batches:
        loss = F.cross_entropy(network(images), classes, label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        losses.append(loss.item())
    return fmean(losses)


def _moving_average(average: Tensor, weights: Tensor, updates: Tensor | int) -> Tensor:
    """Exponential, but quicker at first, so that a short run does not answer with its start."""
    decay = min(EMA_DECAY, (1 + int(updates)) / (10 + int(updates)))
    return average * decay + weights * (1 - decay)


def _rate(progress: float) -> float:
    """Share of the learning rate: up over the first fifth of the steps, then down to nothing."""
    return min(progress / WARM_UP_SHARE, (1 - progress) / (1 - WARM_UP_SHARE))


def _batches(served: Served, labelled: Labelled, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of augmented, full batches in random order (all in one when there are few)."""
    pixels, classes = (torch.from_numpy(part) for part in labelled)
    order = torch.randperm(len(pixels))
    size = min(size, len(order))
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        yield augment(served.normalise(pixels[rows])), classes[rows]


def _tell(epoch: int, loss: float, network: nn.Module, served: Served, held_out: Labelled) -> None:
    network.eval()
    with torch.no_grad():
        logits = network(served.normalise(torch.from_numpy(held_out[0])))
    right = figures.accuracy(logits.numpy(), held_out[1])
    console.print(f"epoch {epoch}: loss {loss:.3f}, accuracy on held-out pictures {right:.3f}")


# --- calibration and export ----------------------------------------------------------------------


def _calibrate(served: Served, held_out: Labelled) -> tuple[float, dict[str, float]]:
    """Set the temperature that makes the held-out pictures likeliest (Guo et al. 2017)."""
    pixels, truth = torch.from_numpy(held_out[0]), held_out[1]
    with torch.no_grad():
        logits = served.logits(pixels)

    def likelihood(temperature: float) -> float:
        return figures.nll(F.softmax(logits / temperature, dim=1).numpy(), truth)

    served.temperature = float(min(np.geomspace(0.1, 10, 401), key=likelihood))
    return round(served.temperature, 4), {
        "held_out_images": len(truth),
        "held_out_accuracy": round(figures.accuracy(logits.numpy(), truth), 4),
        "held_out_nll": round(likelihood(served.temperature), 4),
    }


def _export(served: Served, path: Path, about: ModelMetadata, example: NDArray[np.uint8]) -> None:
    """Write the graph and its metadata; raises ExportDiffers when it answers differently."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = torch.from_numpy(example)
    with warnings.catch_warnings():
        # The newer exporter needs two more packages and makes the same graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            served.eval(),
            (pixels,),
            path,
            dynamo=False,
            input_names=["pixels"],
            output_names=["probabilities"],
            dynamic_axes={"pixels": {0: "n"}, "probabilities": {0: "n"}},
        )
    _write_metadata(path, about)
    with torch.no_grad():
        trained = served(pixels).numpy()
    gap = float(np.abs(Classifier(path).probabilities(example) - trained).max())
    if gap > EXPORT_TOLERANCE:
        raise ExportDiffers(f"The ONNX file's answers differ by {gap:.2g} from the network's.")


def _write_metadata(path: Path, about: ModelMetadata) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, about.to_properties())
    onnx.save(model, path)


def _write_predictions(path: Path, labels: Sequence[str], held_out: Labelled) -> None:
    """Keep what the file says of the held-out pictures, for monitoring to compare traffic with.

    CSV beside the model: `truth` and a probability for each label, a row a picture.
    """
    rows = Classifier(path).probabilities(held_out[0]).tolist()
    with path.with_suffix(".predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["truth", *labels])
        for number, row in zip(held_out[1], rows, strict=True):
            writer.writerow([labels[number], *(f"{value:.6f}" for value in row)])


def _note_test_figures(path: Path, about: ModelMetadata, folder: Path) -> None:
    result = evaluate(Classifier(path), folder)
    noted = {**about.figures, **result.as_figures()}
    _write_metadata(path, ModelMetadata(**{**vars(about), "figures": noted}))
    print(json.dumps({"model": str(path), **noted, "confusion": result.confusion}))


# --- SageMaker's side ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-model train", description=__doc__)
    channel = parser.add_argument_group("folders, from SageMaker's environment where it is there")
    _folder(channel, "--train", "SM_CHANNEL_TRAIN", "training pictures, <folder>/<label>/<picture>")
    _folder(channel, "--test", "SM_CHANNEL_TEST", "test pictures, for the final figures alone")
    _folder(channel, "--model-dir", "SM_MODEL_DIR", "where <model-name>.onnx is written")
    parser.add_argument("--model-name", default="model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--width", type=int, default=8, help="channels of the first layer")
    parser.add_argument("--size", type=int, default=32, help="input side in pixels, 8 x n")
    parser.add_argument("--fit", choices=["letterbox", "crop"], default="letterbox")
    return parser


def _folder(group: argparse._ArgumentGroup, option: str, variable: str, meaning: str) -> None:
    """A folder that the environment names unless the option does; only `--test` may be absent."""
    value = os.environ.get(variable)
    group.add_argument(
        option, type=Path, default=Path(value) if value else None,
        required=value is None and option != "--test", help=f"{meaning} [{variable}]",
    )  # fmt: skip


def _hyperparameters_of_sagemaker() -> list[str]:
    """SM_HPS as options, without SageMaker's own `sagemaker_...` entries."""
    given = json.loads(os.environ.get("SM_HPS", "{}"))
    own = {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
    return [f"--{name.replace('_', '-')}={value}" for name, value in own.items()]


def _failed(reason: str) -> int:
    """Say why, and leave it where SageMaker looks (`SM_OUTPUT_DIR`, /opt/ml/output)."""
    print(reason, file=sys.stderr)
    output = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
    if output.is_dir():
        (output / "failure").write_text(reason, encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main())
