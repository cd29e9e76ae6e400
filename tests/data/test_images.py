import torch

from lwtrain.data.image_size import bring_to_size
from lwtrain.data.images import JoinedImages, ResizedImages, fingerprint

GENERATOR = torch.Generator().manual_seed(0)
FEW, MANY = (torch.randint(0, 256, (count, 3, 6, 6), dtype=torch.uint8, generator=GENERATOR) for count in (4, 9))
TURNED = MANY.transpose(2, 3)  # as those of a file that lies column by column


def test_joined_images_are_as_if_they_lay_in_one_tensor() -> None:
    whole, joined = torch.cat([FEW, TURNED]), JoinedImages([FEW, TURNED])
    rows = torch.tensor([12, 0, 3, 4, 4, 7])
    assert joined.shape == whole.shape
    assert len(joined) == 13
    assert torch.equal(joined[rows], whole[rows])
    assert torch.equal(joined[2:11:3], whole[2:11:3])
    assert torch.equal(joined.to(torch.device("cpu"))[rows], whole[rows])
    assert joined[rows[:0]].shape == (0, 3, 6, 6)


def test_resized_images_are_as_if_all_had_been_resized() -> None:
    for size, fit in ((9, "pad"), (9, "scale"), (4, "scale")):
        whole, resized = bring_to_size(TURNED.contiguous(), size, fit), ResizedImages(TURNED, size, fit)
        assert resized.shape == whole.shape
        assert torch.equal(resized[torch.tensor([8, 1])], whole[[8, 1]])


def test_a_fingerprint_changes_with_the_images() -> None:
    altered = MANY.clone()
    altered[3, 1, 2, 5] += 1
    for one, other in (
        (MANY, altered),
        (TURNED, altered.transpose(2, 3)),
        (JoinedImages([FEW, MANY]), JoinedImages([FEW, altered])),
        (ResizedImages(MANY, 9, "pad"), ResizedImages(altered, 9, "pad")),
        (ResizedImages(MANY, 9, "pad"), ResizedImages(MANY, 9, "scale")),
    ):
        assert fingerprint(one) == fingerprint(one)
        assert fingerprint(one) != fingerprint(other)
