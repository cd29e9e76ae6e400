"""lwtrain trains deep image classifiers one layer at a time: local problems, no gradient between layers."""

from lwtrain import torchvision_operators

torchvision_operators.cure_on_import()
