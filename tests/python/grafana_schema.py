#!/usr/bin/env python3
"""Holds dashboards to Grafana's published schema: grafana_schema.py FILE...

Each file is read by Grafana's foundation SDK and written again. What the schema does not know is lost
on the way, what has the wrong type is found in the types that the SDK declares. Exits with 1 and says
where, if anything is wrong.
"""

import enum
import json
import sys
import types
import typing

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

# The schema leaves annotations open for what each data source adds to them: these are Prometheus'
# (public/app/plugins/datasource/prometheus, annotations).
OPEN = {("annotations", "list", key) for key in ("titleFormat", "textFormat", "step")}


def lost(ours: object, theirs: object, path: tuple[str, ...]) -> typing.Iterator[str]:
    """What is in `ours` and not in `theirs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], (*path, key))
            elif (*path, key) not in OPEN:
                yield f"{'.'.join((*path, key))}: not in the schema"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for left, right in zip(ours, theirs):
            yield from lost(left, right, path)
    elif ours != theirs:
        yield f"{'.'.join(path)}: {ours!r} became {theirs!r}"


def fits(value: object, hint: object) -> bool:
    """Whether a value is of a declared type."""
    if hint is typing.Any or hint is object:
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return any(value == one.value for one in hint)
    return not isinstance(hint, type) or isinstance(value, hint)


def mistyped(value: object, path: str) -> typing.Iterator[str]:
    """Attributes of the SDK's objects that are not of their declared type."""
    if isinstance(value, list):
        for one in value:
            yield from mistyped(one, path)
        return
    if not type(value).__module__.startswith("grafana_foundation_sdk"):
        return
    for name, hint in typing.get_type_hints(type(value).__init__).items():
        attribute = getattr(value, name, None)
        # An argument that is left out and has a default of its own.
        if attribute is None or name == "return":
            continue
        if not fits(attribute, hint):
            yield f"{path}.{name}: {attribute!r} is no {hint}"
        yield from mistyped(attribute, f"{path}.{name}")


def main() -> int:
    plugins.register_default_plugins()
    mistakes = []
    for file in sys.argv[1:]:
        with open(file, encoding="utf-8") as opened:
            ours = json.load(opened)
        read = model.Dashboard.from_json(ours)
        theirs = json.loads(json.dumps(read, cls=JSONEncoder))
        found = [*lost(ours, theirs, ()), *mistyped(read, "dashboard")]
        mistakes += [f"{file}: {one}" for one in found]
    print("\n".join(sorted(set(mistakes))))
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
