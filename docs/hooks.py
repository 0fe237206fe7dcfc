"""Pages of the site that lie elsewhere in the repository: figures, what is new, and the card of the model.

`mkdocs.yml` names this file; it is no part of the package. Links are written as they hold in the repository, and are
changed here to where the pages lie on the site.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Where a file of the repository lies on the site.
PAGES = {
    "BENCHMARKS.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "avnet/models/base/README.md": "base.md",
}
LINK = re.compile(r"\]\(([^)#:]+)((?:#[^)]*)?)\)")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    for source, page in PAGES.items():
        text = FRONT_MATTER.sub("", (ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leads links to where their targets lie on the site; one to a file that the site lacks becomes its name."""
    place = page.file.src_uri
    sources = {of: source for source, of in PAGES.items()}
    folder = (ROOT / sources.get(place, f"docs/{place}")).parent

    def lead(link: re.Match) -> str:
        target = folder.joinpath(link[1]).resolve().relative_to(ROOT).as_posix()
        if not target.startswith("docs/") and target not in PAGES:
            return f"] (`{target}`)"
        on_site = PAGES.get(target, target.removeprefix("docs/"))
        return f"]({os.path.relpath(on_site, os.path.dirname(place) or '.')}{link[2]})"

    return LINK.sub(lead, markdown)
