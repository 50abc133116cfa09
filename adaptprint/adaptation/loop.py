"""The DANN loop: joint batches, ramped adversary, governed discriminator, snapshots as they would ship."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from adaptprint.adaptation.batchnorm import collecting, features_by_domain
from adaptprint.adaptation.discriminator import Discriminator
from adaptprint.adaptation.hooks import DannStep
from adaptprint.adaptation.prior import source_class_weights
from adaptprint.adaptation.schedule import governed_rate, grl_weight
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.errors import InterruptedRunError
from adaptprint.frames.augment import augment
from adaptprint.frames.sampling import source_sampler, target_sampler
from adaptprint.models.embed import to_images
from adaptprint.models.interrupt import stop_on_signal
from adaptprint.models.memory import SourceFrames
from adaptprint.models.network import copy_state
from adaptprint.models.run_state import load_state, save_state
from adaptprint.models.training import learning_rate_factor, seed_everything
from adaptprint.reporting.progress import Progress

_MEMORY_OF_ACCURACY = 0.9
# Beyond these the discriminator has won, or never learned anything worth reversing.
_OVERPOWERING, _AT_CHANCE = 0.97, 0.52


@dataclass
class DannProgress:
    """What a run has reached so far; all of it is saved for ``--resume``."""

    step: int = 0
    discriminator_accuracy: float = 0.5
    trace: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class DannLoop:
    """One adversarial adaptation; :meth:`run` returns its snapshots.

    Args:
        task: What to adapt.
        source: Labelled source frames.
        start: State dict to start from.
    """

    def __init__(self, task: AdaptationTask, source: SourceFrames, start: dict[str, Tensor]) -> None:
        recipe, device = task.recipe, task.compute.device
        self.task, self.source = task, source
        self.labels = source.table.label_codes(task.checkpoint.config.classes)
        self.network = task.checkpoint.network()
        self.network.load_state_dict(start)
        self.network.on(device)
        if recipe.frozen != "none":
            self.network.freeze(recipe.frozen)
        torch.manual_seed(task.seed)
        self.discriminator = Discriminator(
            self.network.n_features, recipe.discriminator_width, recipe.discriminator_dropout
        ).to(device)
        heads = [*self.network.bottleneck.parameters(), *self.network.classifier.parameters()]
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": [weight for weight in self.network.trunk.parameters() if weight.requires_grad],
                    "lr": recipe.lr_trunk,
                    "peak": recipe.lr_trunk,
                },
                {"params": heads, "lr": recipe.lr_head, "peak": recipe.lr_head},
                {
                    "params": self.discriminator.parameters(),
                    "lr": recipe.lr_discriminator,
                    "peak": recipe.lr_discriminator,
                },
            ],
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        weights = torch.tensor(source_class_weights(task.prior), dtype=torch.float32, device=device)
        self.step_hook = DannStep(
            self.network.classifier, self.discriminator, [self.optimizer], weights, self._backward
        )
        self.source_sampler = source_sampler(source.table, self.labels, task.seed)
        self.target_sampler = target_sampler(task.target.table, task.seed + 1)
        self.gradient_norm = 0.0
        self.progress = DannProgress()
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

    def _joint_images(self, step: int, size: int, strength: float) -> tuple[Tensor, Tensor]:
        """Source images then target images in one batch, and the source labels."""
        generator = seed_everything(self.task.seed, step)
        source_rows = self.source_sampler.batch(step, size)
        target_rows = self.target_sampler.batch(step, size)
        images = torch.cat(
            [
                to_images(self.source.array[source_rows], self.task.compute),
                to_images(self.task.target.array[target_rows], self.task.compute),
            ]
        ).contiguous(memory_format=torch.channels_last)
        labels = torch.from_numpy(self.labels[source_rows]).to(self.task.compute.device)
        return augment(images, generator, strength), labels

    def _features(self, images: Tensor, n_source: int) -> Tensor:
        with self.task.compute.autocast():
            if self.task.recipe.split_early:
                return features_by_domain(self.network, images, n_source).float()
            return self.network.features(images).float()

    def _step(self, step: int) -> dict[str, float]:
        recipe = self.task.recipe
        images, labels = self._joint_images(step, recipe.batch_size, recipe.augment)
        factor = learning_rate_factor(step, recipe.steps, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.param_groups[2]["lr"] *= governed_rate(self.progress.discriminator_accuracy)
        weight = grl_weight(step, recipe.steps, recipe.grl_max, recipe.grl_gamma)
        self.network.train()
        self.discriminator.train()
        features = self._features(images, len(labels))
        losses = self.step_hook(features[: len(labels)], features[len(labels) :], labels, weight)
        accuracy = self._discriminator_accuracy(features.detach(), len(labels))
        running = _MEMORY_OF_ACCURACY * self.progress.discriminator_accuracy + (1 - _MEMORY_OF_ACCURACY) * accuracy
        self.progress.discriminator_accuracy = running
        values = {
            "class_loss": losses["src_c_loss"],
            "domain_loss": losses["src_domain_loss"] + losses["target_domain_loss"],
            "grl_weight": weight,
            "discriminator_accuracy": running,
            "gradient_norm": self.gradient_norm,
        }
        self.progress.trace.append({"step": step + 1, **values})
        return values

    def _backward(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.task.recipe.clip_norm)
        nn.utils.clip_grad_norm_(self.discriminator.parameters(), self.task.recipe.clip_norm)
        self.gradient_norm = float(norm)

    @torch.no_grad()
    def _discriminator_accuracy(self, features: Tensor, n_source: int) -> float:
        self.discriminator.eval()
        says_target = self.discriminator(features) > 0
        hits = (~says_target[:n_source]).float().mean() + says_target[n_source:].float().mean()
        return float(hits / 2)

    def _take_snapshot(self) -> None:
        """Re-estimates the BatchNorm statistics just as the model would ship, and keeps a copy.

        Early layers end with the target's statistics, late ones with those of the joint batches they trained on.
        """
        recipe = self.task.recipe
        per_domain = min(64, max(recipe.batch_size, 2))
        n_batches = max(1, round(recipe.statistics_frames / per_domain))
        norms = [norm for _, norm in self.network.batch_norms()]
        with collecting(norms, self.network), torch.no_grad():
            for batch in range(n_batches):
                # Far beyond any training step, so that these draws are their own.
                images, labels = self._joint_images(10**9 + batch, per_domain, 0.0)
                self._features(images, len(labels))
        self.snapshots.append(self._candidate(f"dann@{self.progress.step}", copy_state(self.network)))

    def _candidate(self, name: str, state: dict[str, Tensor]) -> Candidate:
        return Candidate(name, state, "early" if self.task.recipe.split_early else "none", trained=True)

    def _judge_discriminator(self) -> None:
        accuracy = self.progress.discriminator_accuracy
        if accuracy > _OVERPOWERING:
            self.progress.warnings.append(
                f"the discriminator told the domains apart to the end (accuracy {accuracy:.2f}): nothing was aligned"
            )
        elif self.progress.trace and max(row["discriminator_accuracy"] for row in self.progress.trace) < _AT_CHANCE:
            self.progress.warnings.append("the discriminator never rose above chance: it gave the trunk no direction")

    def _content(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "snapshots": [[snapshot.name, snapshot.state] for snapshot in self.snapshots],
            "progress": vars(self.progress),
        }

    def _restore(self, content: dict[str, Any] | None) -> None:
        if content is None:
            return
        self.network.load_state_dict(content["network"])
        self.discriminator.load_state_dict(content["discriminator"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.snapshots = [self._candidate(name, state) for name, state in content["snapshots"]]
        self.progress = DannProgress(**content["progress"])
