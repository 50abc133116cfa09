"""Validators against pytorch-adapt's own, where these work with the pinned versions, and against scikit-learn."""

import numpy as np
import pytest
import torch
from pytorch_adapt.validators import (
    BNMValidator,
    ClassClusterValidator,
    EntropyValidator,
    IMValidator,
    MMDValidator,
    SNDValidator,
)
from pytorch_adapt.validators.deep_embedded_validator import get_dev_risk
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score

from adaptprint.diagnostics import density_ratio as ratio
from adaptprint.diagnostics import validator_scores as scores

N, M = 60, 50
EVEN, EACH = np.full(N, 1 / N), np.arange(N)


@pytest.fixture
def logits() -> torch.Tensor:
    torch.manual_seed(0)
    return 2 * torch.randn(N, 3)


@pytest.fixture
def probabilities(logits: torch.Tensor) -> np.ndarray:
    return torch.softmax(logits, 1).numpy()


def features(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 6)) + 4 * np.eye(6)[np.arange(n) % 3]).astype(np.float32)


def test_entropy_information_maximisation_and_bnm_are_those_of_pytorch_adapt(
    logits: torch.Tensor, probabilities: np.ndarray
) -> None:
    target = {"logits": logits}
    assert scores.negative_entropy(probabilities, EVEN) == pytest.approx(EntropyValidator()(target_train=target), 1e-5)
    found = scores.information_maximisation(probabilities, EVEN)
    assert found == pytest.approx(IMValidator()(target_train=target), abs=1e-5)
    assert scores.nuclear_norm(probabilities, EVEN) == pytest.approx(BNMValidator()(target_train=target), 1e-5)


def test_snd_is_that_of_pytorch_adapt_where_every_frame_is_a_print(probabilities: np.ndarray) -> None:
    theirs = SNDValidator()(target_train={"preds": torch.from_numpy(probabilities)})
    assert scores.neighbourhood_density(probabilities, EACH, EVEN) == pytest.approx(theirs, 1e-4)


def test_class_clusters_are_those_of_pytorch_adapt(logits: torch.Tensor) -> None:
    seen = features(N, 0)
    calls = np.where(np.arange(N) % 7 == 0, 0, np.arange(N) % 3)
    told = torch.nn.functional.one_hot(torch.from_numpy(calls), 3).float()
    theirs = ClassClusterValidator(centroid_init="label_centers")(
        target_train={"features": torch.from_numpy(seen), "logits": told}
    )
    assert scores.cluster_agreement(seen, calls, 3) == pytest.approx(theirs, abs=1e-9)


def test_mmd_is_that_of_pytorch_adapt_where_every_frame_is_a_print() -> None:
    source, target = features(M, 1), 0.5 + features(N, 2)
    validator = MMDValidator(mmd_kwargs={"mmd_type": "quadratic"})
    theirs = validator(
        src_train={"features": torch.from_numpy(source)}, target_train={"features": torch.from_numpy(target)}
    )
    assert scores.negative_mmd(source, target, np.arange(M), EACH) == pytest.approx(theirs, abs=1e-5)


def test_the_risk_of_dev_is_that_of_pytorch_adapt() -> None:
    rng = np.random.default_rng(0)
    weights, wrong = rng.gamma(2, 0.5, N), (rng.random(N) < 0.3).astype(float)
    theirs = get_dev_risk(torch.from_numpy(weights)[:, None], torch.from_numpy(wrong)[:, None], None)
    assert ratio.weighted_accuracy(weights, 1 - wrong) == pytest.approx(1 - theirs, abs=1e-9)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_adjusted_mutual_information_is_that_of_scikit_learn(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    left = rng.integers(n_classes, size=200)
    for right in (left, rng.integers(3, size=200), np.where(rng.random(200) < 0.8, left, 0), np.zeros_like(left)):
        found = scores.adjusted_mutual_information(left, right)
        assert found == pytest.approx(adjusted_mutual_info_score(left, right), abs=1e-9)


def test_the_domain_classifier_is_the_ridge_regression_of_scikit_learn() -> None:
    data, domain = features(N, 3).astype(np.float64), (np.arange(N) % 3 == 0).astype(float)
    theirs = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=1000).fit(data, domain)
    np.testing.assert_allclose(ratio._logistic(data, domain, np.ones(N)), theirs.coef_[0], atol=1e-4)
