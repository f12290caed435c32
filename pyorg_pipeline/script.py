"""The script `pyorg`. It imports nothing outside of `main`, where Ctrl-C is handled."""


def main() -> int:
    """Run the command line; Ctrl-C while its modules are imported is no traceback."""
    try:
        from pyorg_pipeline import cli  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130
    return cli.main()
