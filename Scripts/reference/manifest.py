"""Writes the manifest.json beside fixtures: which script and versions made them, and the SHA-256 of every file."""

import hashlib
import importlib.metadata
import json
import pathlib
import sys


def write(folder: pathlib.Path, packages: list[str], **facts) -> None:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in ("manifest.json", ".gitkeep"))
    manifest = {
        "script": f"Scripts/reference/{pathlib.Path(sys.argv[0]).name}",
        "versions": {name: importlib.metadata.version(name) for name in packages},
        **facts,
        "sha256": {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{folder}: {len(files)} files, {sum(p.stat().st_size for p in files):,} bytes")
