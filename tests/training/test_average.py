import pytest
import torch
from torch import nn

from training.average import WeightAverage


def test_the_average_forgets_the_start_fast_and_then_moves_slowly():
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, decay=0.9)
    expected = 0.0
    for update in range(1, 201):
        nn.init.constant_(network.weight, float(update))
        average.update()
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * update
    assert average.state["weight"].item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - (200 - 9)) < 0.1  # 0.9 lags nine updates behind a value that grows by one an update


def test_statistics_are_averaged_counters_are_copied_and_the_network_gets_its_own_weights_back():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = WeightAverage(network, decay=0.5)
    for _ in range(3):
        network(torch.randn(8, 3) + 5)
        average.update()
    own = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    averaged = {name: tensor.clone() for name, tensor in average.state.items()}
    assert averaged["1.num_batches_tracked"] == 3
    assert not torch.equal(averaged["1.running_mean"], own["1.running_mean"])
    with average.in_use():
        assert all(torch.equal(tensor, averaged[name]) for name, tensor in network.state_dict().items())
    assert all(torch.equal(tensor, own[name]) for name, tensor in network.state_dict().items())
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in average.state.items())
