"""A hook of MkDocs: what the pages link to outside docs/ becomes part of the site.

A link such as `../reports/figures/confusion_matrix.png` then works on a code host and on the site
alike. A link to a file that does not exist stays unresolved, which the strict build refuses.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(?<=\]\()(?!https?:|#|/)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the linked files of the repository, and those that these link to."""
    docs = Path(config.docs_dir)
    pages = [file for file in files if file.is_documentation_page()]
    while pages:
        page = pages.pop()
        for link in LINK.findall(page.content_string):
            path = _from_docs(page, link)
            source = (docs / path).resolve()
            if (
                not path.startswith("../")
                or not source.is_relative_to(ROOT)
                or source.is_relative_to(docs)
                or not source.is_file()
                or files.get_file_from_path(path)
            ):
                continue
            added = File.generated(
                config, path, abs_src_path=str(source), inclusion=InclusionLevel.INCLUDED
            )
            # The site is one folder: what lies beside docs/ goes into a folder of its own.
            added.dest_uri = posixpath.join("repository", added.dest_uri.removeprefix("../"))
            files.append(added)
            if added.is_documentation_page():
                pages.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Point the links of pages outside docs/ to pages inside it as MkDocs names these."""
    if not page.file.src_uri.startswith("../"):
        return markdown

    def inside(link: re.Match[str]) -> str:
        path = _from_docs(page.file, link[0])
        return path.replace("../docs/", "/", 1) if path.startswith("../docs/") else link[0]

    return LINK.sub(inside, markdown)


def _from_docs(page: File, link: str) -> str:
    """What a link of a page points to, relative to docs/."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.src_uri), link))
