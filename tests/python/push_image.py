"""Makes an image of one statically linked program and pushes it to a registry over plain HTTP.

usage: push_image.py REGISTRY NAME PROGRAM

REGISTRY is host:port, NAME is that of the repository; the tag is `latest`. The image has one layer, with the program
as /bin/busybox. Prints the reference.
"""

import gzip
import hashlib
import http.client
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(program):
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        file = tarfile.TarInfo("bin/busybox")
        file.size, file.mode = len(program), 0o755
        tar.addfile(file, io.BytesIO(program))
    return plain.getvalue()


def call(registry, method, path, body=b"", headers={}):
    connection = http.client.HTTPConnection(registry, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (201, 202):
        sys.exit(f"{method} {path}: {answer.status} {text!r}")
    return answer.headers


def push(registry, name, content, media_type):
    begun = call(registry, "POST", f"/v2/{name}/blobs/uploads/")
    place = begun["Location"].split(registry, 1)[-1]
    separator = "&" if "?" in place else "?"
    octets = {"Content-Type": "application/octet-stream"}
    call(registry, "PUT", f"{place}{separator}digest={digest(content)}", content, octets)
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def main():
    registry, name, program = sys.argv[1:]
    plain = layer(Path(program).read_bytes())
    described = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/bin/busybox"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
    }
    of = "application/vnd.oci.image"
    config = push(registry, name, json.dumps(described).encode(), f"{of}.config.v1+json")
    content = push(registry, name, gzip.compress(plain), f"{of}.layer.v1.tar+gzip")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [content]}
    call(registry, "PUT", f"/v2/{name}/manifests/latest", json.dumps(manifest).encode(), {"Content-Type": MANIFEST})
    print(f"{registry}/{name}:latest")


if __name__ == "__main__":
    main()
