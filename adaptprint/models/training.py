"""Trains a source model from labelled frames: balanced batches, warm-up and cosine, EMA, early stopping by print."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from adaptprint.errors import BadDataError, InterruptedRunError
from adaptprint.frames.augment import augment
from adaptprint.frames.pixels import Pixels
from adaptprint.frames.sampling import source_sampler
from adaptprint.frames.table import FrameTable, Ints
from adaptprint.frames.viewpoint import change_viewpoint
from adaptprint.models.device import Compute
from adaptprint.models.embed import Frames, embed, to_images
from adaptprint.models.interrupt import stop_on_signal
from adaptprint.models.metrics import balanced_accuracy, print_labels, print_probabilities
from adaptprint.models.network import PrintNet, copy_state
from adaptprint.models.run_state import load_state, save_state
from adaptprint.models.train_settings import TrainSettings
from adaptprint.reporting.progress import Progress, ProgressCallback


@dataclass
class TrainProgress:
    """What training has reached so far; all of it is saved for ``--resume``."""

    step: int = 0
    best_score: float = -1.0
    best_step: int = 0
    stale: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Split:
    """Frames, labels and rows of the two parts of the source."""

    pixels: Pixels
    labels: Ints
    train: Ints
    validation: Ints
    classes: tuple[str, ...]


def seed_everything(seed: int, step: int) -> torch.Generator:
    """Makes a step's randomness a function of ``(seed, step)`` alone; returns the generator for augmentation."""
    mixed = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> 1)
    torch.manual_seed(mixed)
    return torch.Generator().manual_seed(mixed)


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to zero; in (0, 1]."""
    warm = max(1, round(warmup * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def make_optimizer(groups: list[dict[str, Any]], settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW or Nesterov SGD; each group remembers its full rate as ``peak``."""
    for group in groups:
        group["peak"] = group["lr"]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True, weight_decay=settings.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)


class SourceTraining:
    """One training run; :meth:`run` trains and returns the best weights."""

    def __init__(
        self,
        network: PrintNet,
        split: Split,
        settings: TrainSettings,
        compute: Compute,
        seed: int,
        from_scratch: bool,
    ) -> None:
        self.split, self.settings, self.compute, self.seed = split, settings, compute, seed
        self.network = network.on(compute.device)
        self.average = AveragedModel(
            self.network,
            multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        lr_trunk = settings.lr_trunk or (1e-3 if from_scratch else 2e-4)
        heads: Iterable[nn.Parameter] = [*network.bottleneck.parameters(), *network.classifier.parameters()]
        self.optimizer = make_optimizer(
            [
                {"params": network.trunk.parameters(), "lr": lr_trunk},
                {"params": heads, "lr": settings.lr_head},
            ],
            settings,
        )
        table = split.pixels.table.take(split.train)
        self.sampler = source_sampler(table, split.labels[split.train], seed)
        self.progress = TrainProgress()
        self.best: dict[str, Tensor] = {}

    def run(self, state_file: Path, fingerprint: str, resume: bool, report: ProgressCallback) -> dict[str, Tensor]:
        """Trains until the steps are done or the validation score is stale.

        Raises:
            InterruptedRunError: After Ctrl-C or SIGTERM; the state is saved first.
            BadDataError: If the loss is not finite.
        """
        if resume:
            self._restore(load_state(state_file, fingerprint))
        progress, settings = self.progress, self.settings
        with stop_on_signal() as stop:
            while progress.step < settings.steps and progress.stale < settings.patience:
                loss = self._step(progress.step)
                progress.step += 1
                if not math.isfinite(loss):
                    raise BadDataError(
                        f"training diverged at step {progress.step}: the loss is {loss}",
                        "Lower the learning rates: --set lr_trunk=5e-5 --set lr_head=2e-4.",
                    )
                if progress.step % settings.validate_every == 0 or progress.step == settings.steps:
                    self._validate(loss)
                    save_state(state_file, fingerprint, self._content())
                report(
                    Progress(
                        "training", progress.step, settings.steps,
                        {"loss": loss, "best": max(progress.best_score, 0.0)},
                    )
                )  # fmt: skip
                if stop.requested:
                    save_state(state_file, fingerprint, self._content())
                    raise InterruptedRunError(
                        f"stopped at step {progress.step}; the state is saved",
                        "Repeat the command with --resume to go on.",
                    )
        return self.best

    def _step(self, step: int) -> float:
        settings = self.settings
        generator = seed_everything(self.seed, step)
        rows = self.split.train[self.sampler.batch(step, settings.batch_size)]
        images = to_images(self.split.pixels.array[rows], self.compute)
        images = change_viewpoint(images, generator, settings.viewpoint)
        images = augment(images, generator, settings.augment, settings.flip)
        labels = torch.from_numpy(self.split.labels[rows]).to(self.compute.device)
        factor = learning_rate_factor(step, settings.steps, settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.network.train()
        with self.compute.autocast():
            logits = self.network(images)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=settings.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def _validate(self, loss: float) -> None:
        progress = self.progress
        averaged = self.average.module
        assert isinstance(averaged, PrintNet)  # noqa: S101 - tells the type checker what AveragedModel copied
        score = self._score(averaged)
        progress.history.append({"step": progress.step, "loss": loss, "validation": score})
        progress.best_score = max(progress.best_score, score)
        # The latest of those that cannot be told from the best: a print of the known printers more or less is chance,
        # and what was trained longer is better on new ones (docs/decisions/0016).
        if score >= progress.best_score - self._chance(progress.best_score):
            progress.best_step, progress.stale = progress.step, 0
            self.best = copy_state(averaged)
        else:
            progress.stale += 1

    def _chance(self, accuracy: float) -> float:
        """Standard error of a balanced accuracy on the held-out prints."""
        rows = self.split.validation if len(self.split.validation) else self.split.train
        prints = print_labels(self.split.pixels.table.take(rows), self.split.classes)
        counts = np.bincount(prints[prints >= 0], minlength=len(self.split.classes))
        # Laplace's rule: where all are right, the next one may still be wrong.
        right = (max(accuracy, 0.0) * counts.sum() + 1) / (counts.sum() + 2)
        return float(np.sqrt(right * (1 - right) * (1 / np.maximum(counts, 1)).sum())) / len(counts)

    def _score(self, network: PrintNet) -> float:
        """Balanced accuracy by print, refined by the mean log-likelihood so that ties at 1.0 are told apart."""
        rows = self.split.validation if len(self.split.validation) else self.split.train
        found = embed(network, _rows(self.split.pixels.array, rows), self.compute)
        table = self.split.pixels.table.take(rows)
        return score_predictions(table, found.probabilities, self.split.labels[rows], self.split.classes)

    def _content(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "progress": vars(self.progress),
        }

    def _restore(self, content: dict[str, Any] | None) -> None:
        if content is None:
            return
        self.network.load_state_dict(content["network"])
        self.average.load_state_dict(content["average"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.best = content["best"]
        self.progress = TrainProgress(**content["progress"])


def score_predictions(
    table: FrameTable, probabilities: np.ndarray[Any, Any], labels: Ints, classes: tuple[str, ...]
) -> float:
    """Balanced accuracy over prints (frames, where labels differ inside prints) plus a small likelihood term."""
    if not table.labels_vary_inside_prints:
        probabilities = print_probabilities(probabilities, table.print_codes)
        labels = print_labels(table, classes)
    accuracy = balanced_accuracy(probabilities.argmax(1), labels, len(classes))
    likelihood = np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-6, 1)).mean()
    return accuracy + 0.01 * float(likelihood)


def _rows(array: Frames, rows: Ints) -> Frames:
    return array[rows]
