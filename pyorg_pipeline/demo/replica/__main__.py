"""`python -m pyorg_pipeline.demo.replica`: serve the packaged record until Ctrl-C."""

from pyorg_pipeline.demo.replica.server import main

main()
