"""The process of a target, which may crash or hang."""

import os
import shutil

from tests.campaign.targets import ALL, generator


def work(name, seed, folder, pipe):
    """Makes the target in a folder and answers numbers of attempts with Outcomes; what is printed goes to a file."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "printed"), "w") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    target = ALL[name]()
    target.prepare(os.path.join(folder, name))
    while True:
        pipe.send(target.attempt(generator(seed, name, pipe.recv())))
