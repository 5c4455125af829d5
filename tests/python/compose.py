"""Holds deploy/compose/compose.yaml to the Compose specification, and to what this repository has.

Usage: compose.py FOLDER. Fails where a key or a value is none of Compose's, a mounted file is not there,
a volume is not declared, or a service runs with more rights or on more addresses than it should.
"""

import copy
import json
import re
import sys
from pathlib import Path

import yaml
from compose_spec import PyCompose

LOOPBACK = ("127.0.0.1", "localhost", "/", "")


def parsed(compose):
    # Merge keys are YAML's, and resolved by now; the specification knows them as such.
    return PyCompose.from_json(json.dumps(compose))


def refuses(compose, change):
    bad = copy.deepcopy(compose)
    change(bad["services"]["etcd"])
    try:
        parsed(bad)
    except ValueError:
        return
    raise AssertionError("what is none of Compose's is accepted: nothing is checked")


def check_mounts(folder, name, service, volumes):
    for mount in service.get("volumes", []):
        source, target, *_ = mount.split(":")
        assert target.startswith("/"), f"{name}: {mount}"
        if source.startswith("."):
            path = (folder / source).resolve()
            assert path.exists(), f"{name} mounts {source}, which is not there"
            assert mount.endswith(":ro"), f"{name} may write to {source}"
        else:
            assert source in volumes, f"{name} mounts {source}, which is not declared"


def check_rights(name, service):
    assert service["read_only"] and service["cap_drop"] == ["ALL"], name
    assert "no-new-privileges:true" in service["security_opt"], name
    assert not service.get("privileged") and service.get("user", "") not in ("root", "0"), name
    # On the host's network a port is open to all unless its address says otherwise.
    assert service["network_mode"] == "host" and "ports" not in service, name
    for word in service.get("command", []):
        for address in re.findall(r"listen[^=]*=(?:https?://)?([^:]*)", word):
            assert address in LOOPBACK, f"{name} listens on {address}"


def main():
    folder = Path(sys.argv[1])
    compose = yaml.safe_load((folder / "compose.yaml").read_text())
    names = set(parsed(compose).service_names())
    assert names == {"leadsman", "etcd", "prometheus", "alertmanager", "jaeger", "grafana"}, names
    refuses(compose, lambda service: service.update(volumez=[]))
    refuses(compose, lambda service: service.update(mem_limit="lots"))
    used = set()
    for name, service in compose["services"].items():
        check_mounts(folder, name, service, compose["volumes"])
        check_rights(name, service)
        used |= {mount.split(":")[0] for mount in service.get("volumes", [])}
    assert set(compose["volumes"]) <= used, "a volume that nobody mounts"
    print("compose is good")


if __name__ == "__main__":
    main()
