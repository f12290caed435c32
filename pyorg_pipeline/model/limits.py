"""How much is asked of a site at the same time; it is shared with others."""

from typing import Final

DEFAULT_CONCURRENCY: Final = 8
LARGEST_CONCURRENCY: Final = 32
