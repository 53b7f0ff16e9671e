"""How jobs run: on this machine, through Slurm, and as processes that train together."""
