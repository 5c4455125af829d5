#!/usr/bin/env python3
"""Keeps a metrics page each second: record_pages.py FOLDER SECONDS NAME=URL...

FOLDER/NAME.pages.gz gets, for each page, a line with its length in bytes and the page.
"""

import gzip
import sys
import time
import urllib.request


def main() -> None:
    folder, seconds, named = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    urls = dict(one.split("=", 1) for one in named)
    files = {name: gzip.open(f"{folder}/{name}.pages.gz", "wb", 1) for name in urls}
    begin = time.monotonic()
    for second in range(seconds):
        time.sleep(max(0.0, begin + second - time.monotonic()))
        for name, url in urls.items():
            with urllib.request.urlopen(url, timeout=10) as answer:
                page = answer.read()
            files[name].write(b"%d\n" % len(page) + page)
    for file in files.values():
        file.close()


if __name__ == "__main__":
    main()
