"""What workspace.yaml loads."""

from pyorg_pipeline.orchestration.build import build_definitions

defs = build_definitions()
