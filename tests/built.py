"""Networks, poolings, losses, optimizers and schedules from keywords instead of an object of options."""

from nnet.options import options_of


def built(cls, *sizes, **options):
    """An object of a class that takes sizes and options, such as ResNet(80, ResNetOptions(depth=18))."""
    return cls(*sizes, options=options_of(cls)(**options))
