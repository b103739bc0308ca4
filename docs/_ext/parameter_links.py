"""Links to parameters: where the description of a class mentions one of its parameters, the name links to its entry."""

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the function that makes the links."""
    app.connect("doctree-read", link_parameters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def link_parameters(app: Sphinx, doctree: nodes.document) -> None:
    """Give each parameter of a class an anchor, and link its mentions, except in its own entry and in methods."""
    for description in doctree.findall(addnodes.desc):
        if description.get("objtype") != "class":
            continue
        terms = {term[0].astext(): term for term in parameter_terms(description)}
        for name, term in terms.items():
            term["ids"].append(f"parameter-{name}")
        for mention in list(own_literals(description)):
            term = terms.get(mention.astext())
            if term is not None and not is_within(mention, term.parent):
                mention.replace_self(nodes.reference("", "", mention.deepcopy(), refid=term["ids"][-1], internal=True))


def parameter_terms(description: addnodes.desc) -> Iterator[nodes.term]:
    """Yield the terms of the list of parameters of a class, each of which begins with a name."""
    for field in description.findall(nodes.field):
        if field[0].astext() == "Parameters" and not is_in_member(field, description):
            yield from field.findall(nodes.term)


def own_literals(description: addnodes.desc) -> Iterator[nodes.literal]:
    """Yield the names in the description of a class, without those of its methods."""
    return (literal for literal in description.findall(nodes.literal) if not is_in_member(literal, description))


def is_in_member(node: nodes.Node, description: addnodes.desc) -> bool:
    """Return whether a node belongs to the description of a member instead of that of the class itself."""
    while not isinstance(node, addnodes.desc):
        node = node.parent
    return node is not description


def is_within(node: nodes.Node, ancestor: nodes.Node) -> bool:
    """Return whether a node is inside of another one."""
    while node is not None and node is not ancestor:
        node = node.parent
    return node is ancestor
