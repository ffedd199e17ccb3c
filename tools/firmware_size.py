"""What each firmware takes of flash and RAM, stack included: `make -C firmware_stubs size`.

Flash is code, constants and the initial values of variables. RAM is variables and the section that the linker keeps
free for the stack. That this section suffices is worked out here: the longest way through the call graph that the
compiler wrote beside each object (`-fcallgraph-info=su`), each function with its frame. There are no interrupt
handlers, no recursion, no calls through pointers and no frames of changing size; what breaks this is an error. A
fault's own frame of 32 bytes is added. The exit code is 1 when a limit is passed or the stack's section is too small.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ENTRY = "reset"
FAULT_FRAME_BYTES = 32
LIBGCC_FRAME_BYTES = 32
"""Division on a Cortex-M0 is a routine of libgcc, without call graph; its listing pushes fewer registers than this."""
_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \((\w+)\)")


class Use(NamedTuple):
    """Bytes that one firmware takes."""

    flash: int
    variables: int
    stack_kept: int
    stack_needed: int

    @property
    def ram(self) -> int:
        """Variables and stack."""
        return self.variables + self.stack_kept


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size_program")
    parser.add_argument("objects", type=Path)
    parser.add_argument("firmware", type=Path, nargs="+")
    parser.add_argument("--limit", nargs=3, action="append", default=[], metavar=("PRODUCT", "FLASH", "RAM"))
    given = parser.parse_args()
    limits = {product: (int(flash), int(ram)) for product, flash, ram in given.limit}
    faults: list[str] = []
    print(f"{'product':<14}{'flash':>8}{'RAM':>8}   of it variables + stack (longest way needs)")
    for elf in given.firmware:
        use = measure(given.size_program, given.objects, elf)
        print(f"{elf.stem:<14}{use.flash:>8}{use.ram:>8}   {use.variables} + {use.stack_kept} ({use.stack_needed})")
        flash_max, ram_max = limits.get(elf.stem, (sys.maxsize, sys.maxsize))
        if use.flash > flash_max or use.ram > ram_max:
            faults.append(f"{elf.stem} is over its limit of {flash_max} bytes flash and {ram_max} bytes RAM")
        if use.stack_needed > use.stack_kept:
            faults.append(f"{elf.stem}: {use.stack_kept} bytes of stack are kept, {use.stack_needed} needed")
    for fault in faults:
        print(f"TOO LARGE: {fault}", file=sys.stderr)
    return 1 if faults else 0


def measure(size_program: str, objects: Path, elf: Path) -> Use:
    """What one firmware takes."""
    listing = subprocess.run([size_program, "-A", str(elf)], check=True, capture_output=True, text=True).stdout
    sections = {m[1]: int(m[2]) for m in re.finditer(r"^(\.\w+)\s+(\d+)", listing, re.MULTILINE)}
    shared = [path for path in objects.rglob("*.ci") if path.parent.name != "products"]
    needed = deepest(*call_graph([*shared, objects / "products" / f"{elf.stem}.ci"]))
    data, bss, stack = (sections.get(name, 0) for name in (".data", ".bss", ".stack"))
    return Use(sections[".text"] + data, data + bss, stack, needed + FAULT_FRAME_BYTES)


def call_graph(files: list[Path]) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Frame sizes by function, and who calls whom."""
    frames: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for file in files:
        text = file.read_text()
        for name, label in _NODE.findall(text):
            if frame := _FRAME.search(label):
                if frame[2] != "static":
                    raise SystemExit(f"{name}: its frame has no fixed size")
                frames[name] = int(frame[1])
        for caller, called in _EDGE.findall(text):
            calls.setdefault(caller, set()).add(called)
    return frames, calls


def deepest(frames: dict[str, int], calls: dict[str, set[str]]) -> int:
    """Bytes of stack on the longest way from the entry."""

    def below(function: str, way: tuple[str, ...]) -> int:
        if function in way:
            raise SystemExit(f"recursion: {' > '.join((*way, function))}")
        if function == "__indirect_call":
            raise SystemExit(f"{way[-1]} calls through a pointer")
        if function not in frames and not function.startswith(("__aeabi_", "__gnu_thumb")):
            raise SystemExit(f"{function} has no call graph: nobody knows its stack")
        frame = frames.get(function, LIBGCC_FRAME_BYTES)
        return frame + max((below(called, (*way, function)) for called in calls.get(function, ())), default=0)

    return below(ENTRY, ())


if __name__ == "__main__":
    sys.exit(main())
