#!/usr/bin/env python3
"""Prints a header with a fingerprint of the files that are given: of what makes states out of events.

A state in a checkpoint is worth what the deciders that made it are worth. Whoever changes one needn't remember to say
so: checkpoints of another build of the deciders are thrown away and built anew from the log.
"""
import hashlib
import pathlib
import sys

digest = hashlib.sha256()
for name in sorted(sys.argv[1:], key=lambda path: pathlib.Path(path).name):
    content = pathlib.Path(name).read_bytes()
    digest.update(f"{pathlib.Path(name).name} {len(content)}\n".encode())
    digest.update(content)
print("/* Made by command-api/domain/fingerprint.py: changes with the deciders' sources. */")
print("#pragma once")
print(f"#define DOMAIN_FINGERPRINT UINT64_C(0x{digest.hexdigest()[:16]})")
