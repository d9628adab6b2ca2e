"""Sphinx: `make docs` builds the pages into docs/_build, readable offline."""

from __future__ import annotations

import rnan

project = "rnan"
copyright = "the rnan contributors"  # noqa: A001 - the name that Sphinx reads
release = version = rnan.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "lab/curves/*"]
html_theme = "furo"
html_title = "rnan"
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "monokai"
# System fonts and nothing from other hosts: the pages are read without a network too.
html_theme_options = {
    "light_css_variables": {
        "font-stack": "system-ui, sans-serif",
        "font-stack--monospace": "ui-monospace, monospace",
    }
}
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
