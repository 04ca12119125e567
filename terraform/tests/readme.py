#!/usr/bin/env python3
"""Checks that every variable is typed, described and validated, every output described, and that the tables of both in
README.md are current; with --write, makes them so."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def blocks(file, kind):
    for name, body in re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', (ROOT / file).read_text(), re.MULTILINE | re.DOTALL):
        values = dict(re.findall(r"^  (\w+) += (.+)$", body, re.MULTILINE))
        if not values.get("description"):
            sys.exit(f"{file}: {name} has no description.")
        # Of a bool there is nothing left to validate.
        if kind == "variable" and not (values.get("type") == "bool" or ("type" in values and "validation {" in body)):
            sys.exit(f"{file}: {name} has no type or no validation.")
        yield name, values


def text(value):
    return value.strip('"').replace('\\"', '"').replace("|", "\\|")


def tables():
    variables = ["| variable | default | |", "|---|---|---|"]
    for name, values in blocks("variables.tf", "variable"):
        variables.append(f"| `{name}` | `{values['default']}` | {text(values['description'])} |")
    outputs = ["| output | |", "|---|---|"]
    for name, values in blocks("outputs.tf", "output"):
        outputs.append(f"| `{name}` | {text(values['description'])} |")
    return {"variables": "\n".join(variables), "outputs": "\n".join(outputs)}


def main():
    readme = ROOT / "README.md"
    before = readme.read_text()
    after = before
    for name, table in tables().items():
        after, count = re.subn(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", lambda found: found[1] + table + found[2], after, flags=re.DOTALL)
        if count != 1:
            sys.exit(f"README.md has not one place for its {name}.")
    if "--write" in sys.argv:
        readme.write_text(after)
    elif after != before:
        sys.exit("The tables in README.md are not current: run tests/readme.py --write")


if __name__ == "__main__":
    main()
