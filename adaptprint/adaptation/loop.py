"""The loop of every recipe that trains: joint batches, one step through hooks, snapshots as they would ship."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adaptprint.adaptation.batchnorm import collecting, features_by_domain
from adaptprint.adaptation.discriminator import Discriminator
from adaptprint.adaptation.hooks import ADVERSARIAL, COMBINED_WIDTH, AdaptationStep
from adaptprint.adaptation.joint_batches import JointBatch, JointBatches
from adaptprint.adaptation.schedule import governed_rate, grl_weight
from adaptprint.adaptation.statistics import held_norms
from adaptprint.adaptation.step_losses import LossWeights, StepBatch, source_class_weights
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.adaptation.teacher import PrintTeacher
from adaptprint.errors import InterruptedRunError
from adaptprint.models.interrupt import stop_on_signal
from adaptprint.models.network import copy_state
from adaptprint.models.run_state import load_state, save_state
from adaptprint.models.training import learning_rate_factor
from adaptprint.reporting.progress import Progress

_MEMORY_OF_ACCURACY = 0.9
# Beyond these the discriminator has won, or never learned anything worth reversing.
_OVERPOWERING, _AT_CHANCE = 0.97, 0.52
_SHOWN = {"src_c_loss": "class_loss", "c_loss": "class_loss", "total": "loss"}
"""Names of figures in the trace, where pytorch-adapt's are others."""


@dataclass
class LoopProgress:
    """What a run has reached so far; all of it is saved for ``--resume``."""

    step: int = 0
    discriminator_accuracy: float = 0.5
    trace: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class AdaptationLoop:
    """One training run; :meth:`run` returns its snapshots.

    Args:
        task: What to adapt.
        start: The model to start from.
        teacher: What the target's prints teach, if the recipe listens to it.
    """

    def __init__(self, task: AdaptationTask, start: Candidate, teacher: PrintTeacher | None = None) -> None:
        recipe, device = task.recipe, task.compute.device
        self.task, self.start, self.teacher = task, start, teacher
        self.batches = JointBatches(task)
        self.network = task.checkpoint.network()
        self.network.load_state_dict(start.state)
        self.network.on(device)
        if recipe.frozen != "none":
            self.network.freeze(recipe.frozen)
        torch.manual_seed(task.seed)
        self.discriminator = self._discriminator() if recipe.align in ADVERSARIAL else None
        self.optimizer = torch.optim.AdamW(self._groups(), weight_decay=recipe.weight_decay, fused=True)
        n_classes = self.network.classifier.out_features
        shares = task.prior.shares if recipe.prior_weighted else np.full(n_classes, 1 / n_classes)
        self.step_hook = AdaptationStep(
            recipe.align,
            LossWeights(recipe.align_weight, recipe.mcc, recipe.consensus if teacher is not None else 0.0),
            self.network.classifier,
            self.discriminator,
            (self.network.n_features, n_classes),
            self.optimizer,
            torch.tensor(source_class_weights(shares), dtype=torch.float32, device=device),
            self._backward,
            has_source=self.batches.has_source,
        )
        self.gradient_norm = torch.zeros(())
        self.progress = LoopProgress()
        self.snapshots: list[Candidate] = []

    def run(self) -> list[Candidate]:
        """Trains the planned steps and keeps snapshots on the way.

        A loss that is not finite ends the run early; the snapshots taken before stay valid.

        Raises:
            InterruptedRunError: After Ctrl-C or SIGTERM; the state is saved first.
        """
        task, recipe, progress = self.task, self.task.recipe, self.progress
        if task.resume:
            self._restore(load_state(task.state_file, task.fingerprint))
            progress = self.progress
        marks = {round(recipe.steps * (i + 1) / recipe.snapshots) for i in range(recipe.snapshots)}
        with stop_on_signal() as stop:
            while progress.step < recipe.steps:
                losses = self._step(progress.step)
                if not all(math.isfinite(value) for value in losses.values()):
                    progress.warnings.append(
                        f"the loss was not finite at step {progress.step + 1}; later steps were dropped"
                    )
                    break
                progress.step += 1
                if progress.step in marks:
                    self._take_snapshot()
                    save_state(task.state_file, task.fingerprint, self._content())
                task.report(Progress("adapting", progress.step, recipe.steps, losses))
                if stop.requested:
                    save_state(task.state_file, task.fingerprint, self._content())
                    raise InterruptedRunError(
                        f"stopped at step {progress.step} of {recipe.steps}; the state is saved",
                        "Repeat the command with --resume to go on.",
                    )
        self._judge_discriminator()
        return self.snapshots

    def _discriminator(self) -> Discriminator:
        recipe = self.task.recipe
        n_inputs = self.network.n_features if recipe.align == "dann" else COMBINED_WIDTH
        network = Discriminator(n_inputs, recipe.discriminator_width, recipe.discriminator_dropout)
        return network.to(self.task.compute.device)

    def _groups(self) -> list[dict[str, Any]]:
        """What learns, and how fast at most."""
        recipe, network = self.task.recipe, self.network
        trunk = [weight for weight in network.trunk.parameters() if weight.requires_grad]
        heads = [*network.bottleneck.parameters(), *network.classifier.parameters()]
        rates: list[tuple[list[nn.Parameter], float]] = [(trunk, recipe.lr_trunk), (heads, recipe.lr_head)]
        if self.discriminator is not None:
            rates.append(([*self.discriminator.parameters()], recipe.lr_discriminator))
        return [{"params": weights, "lr": rate, "peak": rate} for weights, rate in rates]

    def _features(self, batch: JointBatch) -> Tensor:
        with self.task.compute.autocast():
            if self.task.recipe.training_norms == "split" and batch.n_source:
                return features_by_domain(self.network, batch.images, batch.n_source).float()
            return self.network.features(batch.images).float()

    def _step(self, step: int) -> dict[str, float]:
        recipe = self.task.recipe
        batch = self.batches.draw(step, recipe.batch_size, recipe.augment)
        factor = learning_rate_factor(step, recipe.steps, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        weight = grl_weight(step, recipe.steps, recipe.grl_max, recipe.grl_gamma)
        self.network.train(recipe.training_norms != "kept")
        if self.discriminator is not None:
            self.optimizer.param_groups[2]["lr"] *= governed_rate(self.progress.discriminator_accuracy)
        features = self._features(batch)
        source, target = features[: batch.n_source], features[batch.n_source :]
        lessons = None if self.teacher is None else self.teacher.of(batch.target_rows, features.device)
        values = {**self.step_hook(StepBatch(source, target, batch.labels, lessons), weight)}
        values["gradient_norm"] = self.gradient_norm
        if self.discriminator is not None:
            values["discriminator_accuracy"] = self._discriminator_accuracy(features.detach(), batch.n_source)
        return self._note(step, values, weight)

    def _note(self, step: int, values: dict[str, Tensor], weight: float) -> dict[str, float]:
        """Fetches a step's figures from the device at once, which waits for it once and not for each."""
        numbers = torch.stack([value.float().reshape(()) for value in values.values()]).tolist()
        found = {_SHOWN.get(name, name): number for name, number in zip(values, numbers, strict=True)}
        if self.discriminator is not None:
            running, now = self.progress.discriminator_accuracy, found["discriminator_accuracy"]
            running = _MEMORY_OF_ACCURACY * running + (1 - _MEMORY_OF_ACCURACY) * now
            self.progress.discriminator_accuracy = found["discriminator_accuracy"] = running
            found["domain_loss"] = found.pop("src_domain_loss") + found.pop("target_domain_loss")
            found["grl_weight"] = weight
        self.progress.trace.append({"step": step + 1, **found})
        return found

    def _backward(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]
        clip = self.task.recipe.clip_norm
        self.gradient_norm = nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        if self.discriminator is not None:
            nn.utils.clip_grad_norm_(self.discriminator.parameters(), clip)

    @torch.no_grad()
    def _discriminator_accuracy(self, features: Tensor, n_source: int) -> Tensor:
        says_target = self.step_hook.domain_logits(features) > 0
        hits = (~says_target[:n_source]).float().mean() + says_target[n_source:].float().mean()
        return hits / 2

    def _take_snapshot(self) -> None:
        """Re-estimates the BatchNorm statistics just as the model would ship, and keeps a copy.

        Split early layers end with the target's statistics, the others with those of the joint batches they trained
        on. Statistics that were kept while training stay as they are.
        """
        recipe = self.task.recipe
        if recipe.training_norms != "kept":
            per_domain = min(64, max(recipe.batch_size, 2))
            n_batches = max(1, round(recipe.statistics_frames / per_domain))
            norms = [norm for _, norm in self.network.batch_norms()]
            with collecting(norms, self.network), torch.no_grad():
                for number in range(n_batches):
                    # Far beyond any training step, so that these draws are their own.
                    self._features(self.batches.draw(10**9 + number, per_domain, 0.0))
        self.snapshots.append(self._candidate(f"trained@{self.progress.step}", copy_state(self.network)))

    def _candidate(self, name: str, state: dict[str, Tensor]) -> Candidate:
        return Candidate(name, state, held_norms(self.task.recipe), trained=True)

    def _judge_discriminator(self) -> None:
        accuracy = self.progress.discriminator_accuracy
        if self.discriminator is None or not self.progress.trace:
            return
        if accuracy > _OVERPOWERING:
            self.progress.warnings.append(
                f"the discriminator told the domains apart to the end (accuracy {accuracy:.2f}): nothing was aligned"
            )
        elif max(row["discriminator_accuracy"] for row in self.progress.trace) < _AT_CHANCE:
            self.progress.warnings.append("the discriminator never rose above chance: it gave the trunk no direction")

    def _content(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "discriminator": None if self.discriminator is None else self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "snapshots": [[snapshot.name, snapshot.state] for snapshot in self.snapshots],
            "progress": vars(self.progress),
        }

    def _restore(self, content: dict[str, Any] | None) -> None:
        if content is None:
            return
        self.network.load_state_dict(content["network"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(content["discriminator"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.snapshots = [self._candidate(name, state) for name, state in content["snapshots"]]
        self.progress = LoopProgress(**content["progress"])
