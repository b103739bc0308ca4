"""Configuration of the documentation site: `make docs` builds it, without the network."""

import inspect
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # networks this small are slower with more; set before NumPy is imported
sys.path.append(str(Path(__file__).parent / "_ext"))

from sphinx.util.nodes import make_refnode

import skrnn
from skrnn import (
    callbacks,
    datasets,
    ensemble,
    export,
    forecasting,
    metrics,
    model_selection,
    plotting,
    preprocessing,
)
from skrnn.ensemble._ensemble_stream import EnsembleStream
from skrnn.estimators._stream import Stream

project = "skrnn"
author = "The skrnn developers"
copyright = author
release = version = skrnn.__version__.split("+")[0]

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "parameter_links",
    "source_pages",
]
templates_path = ["_templates"]
language = "en"

# Pages are plain Markdown, also readable on a code host: links among them have GitHub's form, page.md#heading.
myst_heading_anchors = 4

# -- Reference -----------------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's docstrings have the types, in words
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # the template of a class lists them
python_maximum_signature_line_length = 88
extlinks = {"doi": ("https://doi.org/%s", "doi:%s"), "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s")}
default_role = "literal"  # `name` in docstrings, as in Markdown

nitpicky = True
# References of other projects are only linked if their inventories are requested (-t online).
nitpick_ignore_regex = [("py:.*", r"(sklearn|numpy|scipy|pandas|matplotlib|joblib|onnx|torch|skl2onnx|datetime)\..*")]
if tags.has("online"):  # noqa: F821, Sphinx's own
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }

# -- Gallery -------------------------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"^(?!plot_)",  # programs to run by hand
    "subsection_order": "gallery.sections",
    "within_subsection_order": "gallery.position",
    "reset_modules": ("gallery.reset",),
    "doc_module": ("skrnn",),
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,  # pages that load scripts from elsewhere
    "show_signature": False,
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
    "min_reported_time": 1,
    "image_srcset": ["2x"],
    "plot_gallery": "True",
}

# -- Pages ---------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skrnn"
html_static_path = ["_static"]
html_css_files = ["skrnn.css"]
toc_object_entries_show_parents = "hide"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": f"skrnn {version}"},
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc", "sg_download_links"], "index": []},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if "GITHUB_REPOSITORY" in os.environ:  # where the workflow builds the site, it knows the address of the repository
    address = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}"
    html_theme_options["icon_links"] = [{"name": "Repository", "url": address, "icon": "fa-brands fa-github"}]
html_sidebars = {"getting_started": [], "questions": [], "coming_from": []}
html_context = {"default_mode": "auto"}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def function_of(member):
    """Return the function behind a method or a property."""
    return inspect.unwrap(getattr(member, "fget", member))


def public_methods(owner):
    """Return the names of the public methods of a class that skrnn itself defines, in the order of the alphabet."""
    return [
        name
        for name, value in inspect.getmembers(owner)
        if not name.startswith("_") and (getattr(function_of(value), "__module__", None) or "").startswith("skrnn")
    ]


def public_classes():
    """Yield the dotted name and the class for each class of the reference."""
    yield "skrnn.estimators._stream.Stream", Stream
    yield "skrnn.ensemble._ensemble_stream.EnsembleStream", EnsembleStream
    for module in (
        skrnn,
        callbacks,
        datasets,
        ensemble,
        export,
        forecasting,
        metrics,
        model_selection,
        plotting,
        preprocessing,
    ):
        for name in module.__all__:
            if inspect.isclass(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)


def resolve_by_its_end(app, env, node, contnode):
    """Find what a docstring calls by a part of its name, or by the package that defines it."""
    target = node.get("reftarget", "")
    objects = env.domains.python_domain.objects
    for name in (f"skrnn.{target}", target.replace("skrnn.preprocessing.", "skrnn.")):
        if name in objects:
            return make_refnode(app.builder, node["refdoc"], objects[name].docname, objects[name].node_id, contnode)
    return None


def escape_names(app, what, name, obj, options, lines):
    """Keep a name such as n_features_in_ in the type of a parameter from being read as a link."""
    lines[:] = [line.replace("(n_features_in_", "(n_features_in\\_") for line in lines]


def setup(app):
    """Register what finds references and mends docstrings."""
    app.connect("autodoc-process-docstring", escape_names, priority=600)  # after numpydoc
    app.connect("missing-reference", resolve_by_its_end)


autosummary_context = {"public_methods": {name: public_methods(owner) for name, owner in public_classes()}}
