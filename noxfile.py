"""Sessions that check medkt, and one that makes the demo's report.

`nox -s check` is what continuous integration runs. pyproject.toml names what each session installs.
"""

import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["check"]
nox.options.reuse_existing_virtualenvs = True
PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """Packages of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session(venv_backend="none")
def check(session: nox.Session) -> None:
    """Everything a change must pass: lint, types, layers, then the tests."""
    for name in ("lint", "types", "layers", "tests"):
        session.notify(name)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests but those of other sessions; tests on real images run where MEDKT_DATA points to some."""
    session.install(".[train,teachers,cluster,storage]", *group("test"), *group("training"))
    # A process a core, one thread each; a file's tests stay together, for they share what they train. Files with few
    # tests take the longest: in the order of names they do not come last.
    one_thread = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "NUMBA_NUM_THREADS": "1"}
    session.run(
        "pytest",
        "-n",
        "auto",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "-m",
        "not slow and not browser and not latex and not docs",
        *session.posargs,
        env=one_thread,
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Style, docstrings and formatting, by ruff."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, by pyright."""
    session.install("-e", ".[train,cluster,storage]", *group("types"))
    session.run("pyright")


@nox.session
def layers(session: nox.Session) -> None:
    """Who may import whom, by import-linter."""
    session.install("--no-deps", "-e", ".")  # imports are read, not run: nothing that medkt needs is installed
    session.install(*group("layers"))
    session.run("lint-imports")


@nox.session
def notorch(session: nox.Session) -> None:
    """Evaluation and reports in an environment that has no torch."""
    session.install(".", *group("test"))
    session.run("python", "-c", "import importlib.util as u; assert u.find_spec('torch') is None, 'torch is here'")
    session.run(
        "pytest",
        "tests/eval",
        "tests/reports",
        "tests/end_to_end/test_without_torch.py",
        "-m",
        "not slow and not browser and not latex",
        *session.posargs,
    )


@nox.session
def docs(session: nox.Session) -> None:
    """Run the tutorials, compare what they print, and build the documents as a site, in site/."""
    session.install(".[train]", *group("test"), *group("docs"))
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Tests that take minutes: the demo study from end to end."""
    session.install(".[train,cluster]", *group("test"))
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give 500 mutated inputs to the command line, in ten minutes: no traceback, no hang, nothing else written."""
    session.install(".[train]", *group("test"))
    one_thread = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "NUMBA_NUM_THREADS": "1"}
    session.run("python", "-m", "tests.fuzz", *session.posargs, env=one_thread)


@nox.session
def coverage(session: nox.Session) -> None:
    """Simulate studies with known truth: how often does each interval hold it? an hour on two cores."""
    session.install(".", *group("test"))
    session.run("python", "-m", "benchmarks.coverage_study", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """The bootstrap beside its peers, a large evaluation from a cold process, a training step beside a bare one."""
    session.install(".[train]", *group("benchmark"))
    session.run("python", "benchmarks/bootstrap.py")
    session.run("python", "benchmarks/evaluation.py", *session.posargs)
    session.run("python", "-m", "benchmarks.train_step")


@nox.session
def latex(session: nox.Session) -> None:
    """Compile every exported table with a real TeX (Debian: texlive-science, texlive-latex-extra, poppler-utils)."""
    _needs(
        session,
        {
            "pdflatex": "texlive-science",
            "siunitx.sty": "texlive-science",
            "standalone.cls": "texlive-latex-extra",
            "pdftotext": "poppler-utils",
        },
    )
    session.install(".", *group("test"))
    session.run("pytest", "tests/reports", "-m", "latex", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Use the report in a real browser: keyboard, phone, print, axe-core (Debian: chromium)."""
    _needs(session, {"chromium": "chromium"})
    session.install(".", *group("test"), *group("browser"))
    session.run("pytest", "tests/reports", "-m", "browser", *session.posargs)


@nox.session
def report(session: nox.Session) -> None:
    """Train the demo, evaluate it and write its report; or `nox -s report -- RUNS` for given runs."""
    runs = Path(session.posargs[0]) if session.posargs else Path("runs")
    session.install("." if session.posargs else ".[train]")
    if not session.posargs:
        session.run("medkt", "train", "--out", str(runs))
    session.run("medkt", "evaluate", str(runs))


def _needs(session: nox.Session, needed: dict[str, str]) -> None:
    """Stop, naming the Debian packages, where a program or a file of TeX is missing."""
    missing = sorted({package for name, package in needed.items() if not _is_here(name)})
    if missing:
        session.error(f"missing: apt-get install {' '.join(missing)}")


def _is_here(name: str) -> bool:
    if not Path(name).suffix:
        return shutil.which(name) is not None
    kpsewhich = shutil.which("kpsewhich")
    return kpsewhich is not None and not subprocess.run([kpsewhich, name], capture_output=True, check=False).returncode
