"""ablation.py: which runs its recipes share, and what it refuses."""

import pytest

from benchmarks.ablation import PLAIN, RECIPES, main, runs
from config.errors import InputError


def test_recipes_that_differ_in_the_second_stage_alone_share_the_first():
    assert list(runs("gan_mouth", 3)) == ["plain_3", "gan_mouth_3"] and list(runs(PLAIN, 0)) == ["plain_0", "plain_0"]
    assert list(runs("jitter", 0)) == ["jitter_0", "jitter_0"]
    lasts = [list(runs(name, 0))[1] for name in RECIPES]
    assert len(set(lasts)) == len(RECIPES)


def test_the_first_stage_alone_compares_no_recipe_that_begins_as_the_plain_one(monkeypatch):
    monkeypatch.setattr("sys.argv", ["ablation.py", "--first_stage_only", "--recipes", "jitter,gan_mouth"])
    with pytest.raises(InputError, match="--first_stage_only: gan_mouth is plain until the second stage"):
        main()


def test_a_recipe_that_is_not_known_is_named_with_those_that_are(monkeypatch):
    monkeypatch.setattr("sys.argv", ["ablation.py", "--recipes", "jitter,more_of_all"])
    with pytest.raises(InputError, match="--recipes: more_of_all: expected some of plain, freeze_hearing"):
        main()
