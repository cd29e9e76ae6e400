import torch

from lwtrain.pictures.mistakes import draw_mistakes, surest_mistakes


def test_the_surest_come_first_and_images_that_are_right_do_not() -> None:
    shares = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.99, 0.01]])
    labels = torch.tensor([0, 0, 0, 1])
    assert surest_mistakes(shares, labels).tolist() == [3, 2, 1]
    assert surest_mistakes(shares, labels, number=1).tolist() == [3]


def test_each_image_has_its_class_and_what_it_is_taken_for() -> None:
    images = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    sheet = draw_mistakes(images, torch.tensor([[0.25, 0.75]]), torch.tensor([0]), ["cat", "dog"], "Mistakes")
    written = [text.get_text() for text in sheet.figure().axes[0].texts]
    assert written[0] == "Mistakes"
    assert written[-2:] == ["cat", "→ dog 75%"]
