"""What the early BatchNorms see of each print: darker frames show, a print's number of frames does not."""

from collections.abc import Callable

import numpy as np

from adaptprint.frames.pixels import Pixels
from adaptprint.models.device import Compute
from adaptprint.models.embed import to_images
from adaptprint.models.network import PrintNet
from adaptprint.models.print_statistics import print_statistics

PRINTS = [("P", "a", None, 3), ("P", "b", None, 5), ("P", "c", None, 2)]


def test_there_is_one_row_a_print_and_it_is_that_of_the_print_alone(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    network, pixels = make_network(), make_pixels(PRINTS)
    codes = pixels.table.print_codes
    found = print_statistics(network, pixels.array, codes, compute, batch_size=4)
    assert found.shape[0] == 3
    for code in range(3):
        frames = pixels.array[codes == code]
        alone = print_statistics(network, frames, np.zeros(len(frames), dtype=np.int64), compute)
        assert np.allclose(found[code], alone[0], atol=1e-4)


def test_the_first_columns_are_the_stem_s_means_in_units_of_its_running_statistics(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    network, pixels = make_network(), make_pixels(PRINTS)
    network.trunk.bn1.running_mean.fill_(0.5)
    network.trunk.bn1.running_var.fill_(4.0)
    found = print_statistics(network, pixels.array, np.zeros(len(pixels.array), dtype=np.int64), compute)
    images = to_images(pixels.array, compute)
    maps = network.trunk.conv1((images - network.mean) / network.std).detach()
    assert np.allclose(found[0, :4], (maps.mean((0, 2, 3)).numpy() - 0.5) / 2, atol=1e-3)
    assert np.allclose(found[0, 4:8], np.log(maps.std((0, 2, 3), correction=0).numpy() / 2), atol=1e-3)


def test_the_network_is_left_as_it_was(
    make_network: Callable[..., PrintNet], make_pixels: Callable[..., Pixels], compute: Compute
) -> None:
    network, pixels = make_network().train(), make_pixels(PRINTS)
    before = network.trunk.bn1.running_mean.clone()
    print_statistics(network, pixels.array, pixels.table.print_codes, compute)
    assert network.training
    assert (network.trunk.bn1.running_mean == before).all()
    assert not network.trunk.bn1._forward_pre_hooks
