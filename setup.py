"""For tools that still call setup.py; everything it needs to know stands in pyproject.toml."""

from setuptools import setup

setup()
