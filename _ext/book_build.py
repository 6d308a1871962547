"""What the book's build needs and YAML cannot say.

Each page offers its executed notebook; buttons that open it elsewhere exist only where the build is told the
repository, and a link to the book as one file only where it is told the site.
"""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit


def _repository_url():
    """Where the book's source is online, or None: told by the builder, or by GitHub's CI."""
    if url := os.environ.get("BOOK_REPOSITORY_URL"):
        return url
    if "GITHUB_REPOSITORY" in os.environ:
        return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}".format_map(os.environ)
    return None


def _site_url():
    """Where the pages will be online, or None: told by the builder, or where GitHub's CI publishes them."""
    if url := os.environ.get("BOOK_SITE_URL"):
        return url.rstrip("/") + "/"
    if "GITHUB_REPOSITORY" in os.environ:
        owner, name = os.environ["GITHUB_REPOSITORY"].split("/")
        return f"https://{owner.lower()}.github.io/{name}/"
    return None


def _configure(app, config):
    if url := _site_url():
        config.html_baseurl = config.ogp_site_url = (
            url  # canonical addresses, and cards when a page is shared
        )
        config.ogp_social_cards = {"image": "_static/logo.png", "image_mini": "_static/logo.png"}
        config.notfound_urls_prefix = urlsplit(url).path
        config.sitemap_url_scheme = "{link}"  # not {lang}{version}{link}: there is one of each
        config.sitemap_excludes = ["404.html", "genindex.html", "search.html"]

    options = config.html_theme_options
    options["launch_buttons"] = {}
    if url := _repository_url():
        options |= {
            "repository_url": url,
            "repository_branch": os.environ.get("BOOK_REPOSITORY_BRANCH", "main"),
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {
                "notebook_interface": "jupyterlab",
                "binderhub_url": "https://mybinder.org",
                "colab_url": "https://colab.research.google.com",
            },
        }


def _notebook_of(app, pagename):
    """Return the executed notebook of a page, or None for a page that is no notebook."""
    notebook = Path(app.srcdir) / "notebooks" / f"{Path(pagename).name}.ipynb"
    return notebook if notebook.exists() else None


def _forbid_other_hosts(app, pagename, templatename, context, doctree):
    """Let the browser itself refuse whatever a page would ask of another host."""
    policy = "default-src 'self' 'unsafe-inline' data: blob: file:"
    context["metatags"] = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />' + context.get(
        "metatags", ""
    )


def _offer_notebook(app, pagename, templatename, context, doctree):
    """List the notebook among the downloads (before the theme collects them)."""
    if _notebook_of(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def _serve_notebook(app, pagename, templatename, context, doctree):
    """Put the notebook where the download points; let the launch buttons, made by the theme, open it."""
    if not (notebook := _notebook_of(app, pagename)):
        return
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(notebook, target)
    for group in context["header_buttons"]:
        if group.get("label") == "launch-buttons":
            for button in group["buttons"]:
                button["url"] = button["url"].replace(f"{pagename}.md", f"notebooks/{notebook.name}")
                if button["text"] == "Colab":  # which has torch, but not what `.binder/` gives Binder
                    button["tooltip"] += f": first run %pip install 'lossref[book] @ git+{_repository_url()}'"


def _offer_pdf(app, pagename, templatename, context, doctree):
    """List the whole book (`make pdf`) among the downloads, where the pages are published."""
    for group in context["header_buttons"]:
        if group.get("label") == "download-buttons" and (url := _site_url()):
            group["buttons"].append(
                {
                    "type": "link",
                    "url": f"{url}lossref.pdf",
                    "text": "The book (.pdf)",
                    "icon": "fas fa-book",
                    "tooltip": "Download all chapters as one file",
                }
            )


def setup(app):
    """Connect to the build's events; the numbers place a hook before or after the theme's own."""
    if _site_url():
        app.setup_extension(
            "sphinx_sitemap"
        )  # which warns, and fails the build, where the site has no address
    app.connect("config-inited", _configure, priority=100)
    app.connect("html-page-context", _forbid_other_hosts, priority=503)
    app.connect("html-page-context", _offer_notebook, priority=499)
    app.connect("html-page-context", _serve_notebook, priority=502)
    app.connect("html-page-context", _offer_pdf, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
