"""Writes the generated pages in docs/.

python -m tools.write_pages
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.command_line_page import command_line_page
from tools.tables_page import tables_page

DOCS: Final = Path(__file__).parents[1] / "docs"

#: Each page, and the function that generates it.
PAGES: Final[dict[str, Callable[[], str]]] = {
    "command-line.md": command_line_page,
    "tables.md": tables_page,
}


def main() -> None:
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
