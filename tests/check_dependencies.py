#!/usr/bin/env python3
"""Holds the dependencies to deny.toml: their licences, their source, one version of each.

What cargo-deny would need minutes to be built for, but for the advisories, whose database is
fetched: with cargo-deny installed and its database within reach they are checked too.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent


def packages(targets):
    """Every package that is built for one of the targets."""
    found = {}
    for target in targets:
        command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        used = {node["id"] for node in metadata["resolve"]["nodes"]}
        found |= {package["id"]: package for package in metadata["packages"] if package["id"] in used}
    return list(found.values())


def is_allowed(licence, allowed):
    """Whether an SPDX expression can be met by allowed licences. `/` is an older `OR`."""
    words = re.findall(r"\(|\)|[\w.+-]+(?: WITH [\w.-]+)?", licence.replace("/", " OR "))
    names = {"AND": "and", "OR": "or", "(": "(", ")": ")"}
    return bool(words) and eval(" ".join(names.get(word) or str(word in allowed) for word in words))


def wrong_licences(found, rules):
    exceptions = {rule["crate"]: rule["allow"] for rule in rules.get("exceptions", [])}
    for package in found:
        allowed = rules["allow"] + exceptions.get(package["name"], [])
        if not is_allowed(package["license"] or "", allowed):
            yield f"{package['name']} {package['version']}: licence {package['license']!r} is not in deny.toml"


def wrong_sources(found):
    for package in found:
        source = package["source"]
        if source and not re.fullmatch(r"registry\+.*/crates\.io-index", source):
            yield f"{package['name']} {package['version']}: comes from {source}"


def wrong_versions(found, skipped):
    versions = defaultdict(list)
    for package in found:
        versions[package["name"]].append(package["version"])
    skipped = {rule["crate"] for rule in skipped}
    for name, several in sorted(versions.items()):
        rest = [version for version in several if f"{name}@{version}" not in skipped]
        if len(rest) > 1:
            yield f"{name}: {len(rest)} versions: {', '.join(sorted(rest))}"
        skipped -= {f"{name}@{version}" for version in several if len(several) > 1}
    for rule in sorted(skipped):
        yield f"{rule}: is skipped in deny.toml, and there is no second version"


def wrong_advisories():
    if not shutil.which("cargo-deny"):
        print("dependencies: advisories are not checked: cargo-deny is not installed", file=sys.stderr)
        return
    fetched = subprocess.run(["cargo", "deny", "fetch", "db"], cwd=ROOT, capture_output=True, text=True)
    if fetched.returncode:
        print(f"dependencies: advisories are not checked: {fetched.stderr.strip()}", file=sys.stderr)
    elif subprocess.run(["cargo", "deny", "check", "advisories"], cwd=ROOT).returncode:
        yield "an advisory is open"


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    found = packages(rules["graph"]["targets"])
    wrong = [
        *wrong_licences(found, rules["licenses"]),
        *wrong_sources(found),
        *wrong_versions(found, rules["bans"]["skip"]),
        *wrong_advisories(),
    ]
    print(f"dependencies: {len(found)} packages, {len(wrong)} wrong")
    sys.exit("\n".join(wrong) or 0)


main()
