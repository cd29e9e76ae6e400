"""Train a network layer by layer; the same as the command `lwtrain`. What can be set: python train.py --help."""

from lwtrain.cli import main

if __name__ == "__main__":
    main()
