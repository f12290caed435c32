"""What workspace.yaml loads."""

from pyorg_pipeline.defs.build import build_definitions

defs = build_definitions()
