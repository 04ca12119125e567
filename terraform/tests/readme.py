#!/usr/bin/env python3
"""Checks that every variable has a type and a description and every output a description, and that the tables of both in the
README.md of the deployment and of each module are current. With --write, updates the tables."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks(directory, pattern, kind):
    for file in sorted(directory.glob(pattern)):
        for name, body in re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', file.read_text(), re.MULTILINE | re.DOTALL):
            values = dict(re.findall(r"^  (\w+) += (.+)$", body, re.MULTILINE))
            if not values.get("description"):
                sys.exit(f"{file}: {name} has no description.")
            if kind == "variable" and "type" not in values:
                sys.exit(f"{file}: {name} has no type.")
            yield name, values


def text(value):
    return value.strip('"').replace('\\"', '"').replace("|", "\\|")


def tables(directory):
    variables = ["| variable | default | |", "|---|---|---|"]
    for name, values in blocks(directory, "variables*.tf", "variable"):
        default = f"`{values['default']}`" if "default" in values else "needed"
        variables.append(f"| `{name}` | {default} | {text(values['description'])} |")
    outputs = ["| output | |", "|---|---|"]
    for name, values in blocks(directory, "outputs.tf", "output"):
        outputs.append(f"| `{name}` | {text(values['description'])} |")
    return {"variables": "\n".join(variables), "outputs": "\n".join(outputs)}


def main():
    stale = []
    for directory in [ROOT, *sorted(path for path in (ROOT / "modules").iterdir() if path.is_dir())]:
        readme = directory / "README.md"
        before = readme.read_text()
        after = before
        for name, table in tables(directory).items():
            after, count = re.subn(rf"(<!-- {name} -->\n).*?(\n?<!-- /{name} -->)", lambda found: f"<!-- {name} -->\n{table}\n<!-- /{name} -->", after, flags=re.DOTALL)
            if count != 1:
                sys.exit(f"{readme} must have exactly one pair of markers for {name}.")
        if "--write" in sys.argv:
            readme.write_text(after)
        elif after != before:
            stale.append(str(readme.relative_to(ROOT)))
    if stale:
        sys.exit(f"Tables are not current in {', '.join(stale)}: run tests/readme.py --write")


if __name__ == "__main__":
    main()
