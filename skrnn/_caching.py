"""Properties that are computed once per object."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property
else:

    @final
    class cached_property:  # noqa: N801 - named like that of Python
        """A property that is computed once per object, without a lock.

        That of Python 3.11 computes under a lock that all objects share: other threads wait, and a process that is
        forked meanwhile waits forever.
        """

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self.function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            """Store the name of the attribute."""
            self.name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            """Return the value, which replaces the property in the object."""
            if instance is None:
                return self
            value = instance.__dict__[self.name] = self.function(instance)
            return value


__all__ = ["cached_property"]
