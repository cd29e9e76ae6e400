"""A model of what training costs: seconds of a visit, a wave and an epoch, on one device and on many.

`cost` says what a layer asks for and `counting` finds it, by arithmetic; `machine` says what a machine gives;
`one_device` and `many_devices` put the two together. docs/scaling.md has the formulas, and how well they hold.
"""
