"""Colours by Okabe and Ito, told apart by every kind of eyesight."""

BLACK, BLUE, RED, GREEN, ORANGE = "#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00"
MIDDLE_GREY = "#767676"  # as far from white as from black: text that stands on light pages and on dark ones
