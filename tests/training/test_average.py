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
    assert average.network.weight.item() == pytest.approx(expected, rel=1e-5)
    assert abs(expected - (200 - 9)) < 0.1  # 0.9 lags nine updates behind a value that grows by one an update


def test_statistics_are_averaged_counters_are_copied_and_the_network_keeps_its_own_weights():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = WeightAverage(network, decay=0.5)
    for _ in range(3):
        network(torch.randn(8, 3) + 5)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        average.update()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    averaged = average.network.state_dict()
    assert averaged["1.num_batches_tracked"] == 3
    assert not torch.equal(averaged["1.running_mean"], before["1.running_mean"])
    assert not average.network.training and not any(p.requires_grad for p in average.network.parameters())


def test_an_update_allocates_nothing_and_follows_weights_that_are_loaded():
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).to(memory_format=torch.channels_last)
    average = WeightAverage(network, decay=0.5)
    network.load_state_dict({name: torch.full_like(tensor, 2) for name, tensor in network.state_dict().items()})
    places = [tensor.data_ptr() for tensor in average.network.state_dict().values()]
    for _ in range(100):
        average.update()
    assert [tensor.data_ptr() for tensor in average.network.state_dict().values()] == places
    assert torch.allclose(average.network[0].weight, torch.full_like(network[0].weight, 2))
