"""A report as text: the same pipe tables on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Outcome, Report, Table
from benchmarks.machine import FOREIGN_HIGH_CORES, Machine

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- latest run: begin (written by `python -m benchmarks --markdown`) -->"
END: Final = "<!-- latest run: end -->"


def number(value: float) -> str:
    """Three significant digits, thousands with commas."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.2g}" if value else "0"


def machine_lines(machine: Machine, *, quick: bool) -> list[str]:
    """The machine in a few lines, with a warning where the figures deserve one."""
    programs = ", ".join(f"{name} {text}" for name, text in machine.programs.items())
    lines = [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB, {machine.kernel}, Python {machine.python}.",
        f"{programs}.",
        f"Taken {machine.taken_at}, load average at start {machine.load_1_min}.",
    ]
    if machine.busy:
        lines.append("**Warning: others were using this machine; read the ratios, not the absolute figures.**")
    if quick:
        lines.append("**Warning: a quick run with tiny counts; it shows that the benchmarks work, not how fast.**")
    return lines


def outcome_lines(name: str, outcome: Outcome) -> list[str]:
    """One benchmark: its tables, targets, notes and what was skipped."""
    lines = [f"### {name}: {outcome.title}", ""]
    for table in outcome.tables:
        lines += [*_table_lines(table), ""]
    lines += [_target_line(target.text, target.measured, reached=target.reached) for target in outcome.targets]
    lines += [f"- skipped: {text}" for text in outcome.skipped]
    lines += [f"- {text}" for text in outcome.notes]
    lines.append(f"- took {outcome.seconds:.0f} s; others kept {outcome.foreign_cores:.2f} cores busy meanwhile")
    if outcome.foreign_cores > FOREIGN_HIGH_CORES:
        lines.append("- **warning: that is much; read the ratios only**")
    return [*lines, ""]


def write_page(report: Report, page: Path = PAGE) -> None:
    """Puts the report between the marks of the page.

    Raises:
        ValueError: the page has no marks.
    """
    text = page.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place marked for the latest run")
    lines = ["", *machine_lines(report.machine, quick=report.quick), ""]
    for name, outcome in report.outcomes.items():
        lines += outcome_lines(name, outcome)
    page.write_text("\n".join([head + BEGIN, *lines]) + end + tail)


def _target_line(text: str, measured: float, *, reached: bool) -> str:
    return f"- target {text}: {number(measured)}, {'reached' if reached else 'missed'}"


def _table_lines(table: Table) -> list[str]:
    head = [table.caption, *table.columns]
    body = [[row.subject, *(_cell(row.cells.get(column, "")) for column in table.columns)] for row in table.rows]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return [_line(cells, widths) for cells in (head, rule, *body)]


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return f"| {' | '.join(padded)} |"


def _cell(cell: Figure | str) -> str:
    return cell if isinstance(cell, str) else number(cell.median)
