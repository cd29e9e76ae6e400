"""Into which modules a ResNet is cut."""

import re
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.backbones.resnet_plan import BLOCKS_PER_STAGE, STAGES, Modules, plan_cut
from lwtrain.config.loading import load_config

# Of the code of Wang et al. (2021): after which block, (stage, number), each module but the last ends; stage 0: stem.
PUBLISHED = {
    "resnet32": {
        2: [(2, 1)],
        3: [(1, 4), (2, 4)],
        4: [(1, 2), (2, 1), (3, 0)],
        8: [(1, 0), (1, 2), (1, 4), (2, 1), (2, 3), (3, 0), (3, 2)],
        16: [(0, 0), *((stage, number) for stage in (1, 2, 3) for number in range(5))][:-1],
    },
    "resnet110": {
        2: [(2, 8)],
        3: [(1, 17), (2, 17)],
        4: [(1, 11), (2, 7), (3, 3)],
        8: [(1, 4), (1, 11), (2, 0), (2, 7), (2, 14), (3, 3), (3, 10)],
        16: [
            *((1, number) for number in (1, 4, 7, 10, 13, 16)),
            *((2, number) for number in (1, 4, 7, 11, 15)),
            *((3, number) for number in (1, 5, 9, 13)),
        ],
    },
}


@pytest.mark.parametrize(("name", "modules"), [(name, modules) for name, cuts in PUBLISHED.items() for modules in cuts])
def test_cuts_are_the_published_ones(name: str, modules: int) -> None:
    per_stage = BLOCKS_PER_STAGE[name]
    ends = [stage and (stage - 1) * per_stage + number + 1 for stage, number in PUBLISHED[name][modules]]
    assert list(accumulate(plan_cut(name, modules, "joined").layers)) == ends


@given(name=st.sampled_from(sorted(BLOCKS_PER_STAGE)), share=st.floats(0, 1), head=st.sampled_from(["alone", "joined"]))
def test_every_block_has_its_place_and_modules_are_of_a_size(name: str, share: float, head: str) -> None:
    blocks = STAGES * BLOCKS_PER_STAGE[name]
    modules = 2 + round(share * (blocks - 1))
    cut = plan_cut(name, modules, head)
    assert sum(cut.layers) + cut.head == blocks
    assert len(cut.layers) == (modules if head == "alone" else modules - 1)
    counts = [*cut.layers, *([cut.head] if head == "joined" else [])]
    assert min(counts[1:]) >= 1
    assert max(counts) - min(counts) <= 2  # one, and the stem


def test_all_makes_a_module_of_each_block() -> None:
    assert plan_cut("resnet20", "all").layers == (1,) * 9
    assert (plan_cut("resnet20", "all", "joined").layers, plan_cut("resnet20", "all", "joined").head) == ((1,) * 8, 1)


@pytest.mark.parametrize(
    ("modules", "head", "said"),
    [
        (0, "alone", "model.modules=0: choose 1 to 10 for resnet20, or all"),
        (11, "alone", "model.modules=11: choose 1 to 10 for resnet20, or all"),
        ("none", "alone", "model.modules=none: choose a number, all, or a list of numbers of blocks"),
        ([], "alone", "model.modules=[]: choose numbers from 1 up that add to the 9 blocks of resnet20"),
        ([4, 4], "alone", "model.modules=[4,4]: choose numbers from 1 up that add to the 9 blocks of resnet20"),
        ([0, 9], "alone", "model.modules=[0,9]: choose numbers from 1 up that add to the 9 blocks of resnet20"),
        (
            1,
            "joined",
            "model.modules=1: with model.head=joined that is the whole network; choose 2 or more, or train it",
        ),
        ([9], "joined", "model.modules=[9]: with model.head=joined that is the whole network; choose 2 or more"),
        (3, "apart", "model.head=apart: Choices: alone, joined"),
    ],
)
def test_what_cannot_be_is_refused(modules: Modules, head: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        plan_cut("resnet20", modules, head)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("model=resnet20", 3),
        ("model=resnet20 model.head=joined", 2),
        ("model=resnet56 model.modules=all", 27),
        ("model=resnet110 model.modules=[15,39] model.head=joined", 1),
    ],
)
def test_the_config_knows_the_number_of_layers(words: str, number: int) -> None:
    assert load_config(words.split()).model.num_layers == number
