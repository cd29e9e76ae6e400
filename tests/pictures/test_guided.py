import torch
from tiny import differing, tensors, tiny_images, tiny_stack
from torch import Tensor, nn

from lwtrain.data.view import as_inputs
from lwtrain.pictures.guided import as_picture, guided_gradients
from lwtrain.pictures.rectifiers import GuidedReLU, with_rectifiers


def images() -> Tensor:
    return as_inputs(tiny_images(5).images)


def test_each_layer_has_gradients_of_its_own_opinion() -> None:
    stack = tiny_stack(seed=1).eval()
    gradients = [guided_gradients(stack, number, images()) for number in range(3)]
    assert all(gradient.shape == (5, 3, 8, 8) for gradient in gradients)
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    assert not torch.allclose(gradients[0], gradients[1])


def test_the_opinion_is_the_layers_most_likely_class_unless_another_is_asked_for() -> None:
    stack = tiny_stack().eval()
    own = stack.layer_probabilities(images())[1].argmax(dim=1)
    assert torch.equal(guided_gradients(stack, 1, images()), guided_gradients(stack, 1, images(), own))
    assert not torch.allclose(guided_gradients(stack, 1, images()), guided_gradients(stack, 1, images(), (own + 1) % 3))


def test_without_rectifiers_it_is_the_plain_gradient() -> None:
    stack = tiny_stack(encoder="pool", objective="prediction").eval()
    for part in stack.layers[:2]:
        part.layer[2] = nn.Tanh()  # type: ignore[union-attr, operator, index]
    inputs = images().requires_grad_()
    logits = stack(inputs)
    logits[torch.arange(5), logits.argmax(dim=1)].sum().backward()
    assert inputs.grad is not None
    assert torch.allclose(guided_gradients(stack, 2, images()), inputs.grad, atol=1e-6)


def test_a_rectifier_lets_back_what_excites_and_nothing_else() -> None:
    """The gradient that enters a convolution from behind its rectifier is nowhere negative."""
    guide = with_rectifiers(tiny_stack().eval(), GuidedReLU)
    inputs = images().requires_grad_()
    normed = guide.part(0).layer[1](guide.part(0).layer[0](inputs))  # type: ignore[union-attr, operator, index]
    normed.retain_grad()
    guide.part(0).sidecar.classify(guide.part(0).layer[2](normed))[:, 0].sum().backward()  # type: ignore[union-attr, operator, index]
    assert normed.grad is not None
    assert normed.grad.min() == 0 < normed.grad.max()


def test_the_network_stays_as_it_is() -> None:
    stack = tiny_stack().eval()
    before = tensors(stack)
    guided_gradients(stack, 2, images())
    assert differing(before, tensors(stack)) == []
    assert all(parameter.grad is None for parameter in stack.parameters())


def test_zero_is_grey_and_the_strongest_are_black_or_white() -> None:
    gradient = torch.linspace(-2, 2, 101).reshape(1, 1, 101)
    picture = as_picture(gradient)
    assert (picture[0, 0, 50], picture.min(), picture.max()) == (0.5, 0.0, 1.0)
    assert as_picture(torch.zeros(1, 4, 4)).unique().tolist() == [0.5]
