"""The script `pyorg`; what `main` needs is imported where Ctrl-C is handled."""


def main() -> int:
    """Run the command line; Ctrl-C is no traceback while it is imported, nor while it ends."""
    try:
        from pyorg_pipeline import cli  # noqa: PLC0415
        from pyorg_pipeline.process import end_process  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130
    return end_process(cli.main())
