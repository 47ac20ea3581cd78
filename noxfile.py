"""The only place that builds environments: one per package and purpose, each from its own lock."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
CHECKS = (
    "lint", "typecheck", "validate", "tests", "schemas", "schemas_tests", "tests_train",
    "tests_ops",
)  # fmt: skip
nox.options.sessions = ["test"]

PACKAGES = {
    "serializer": Path("services/serializer"),
    "classifier": Path("services/classifier"),
    "filter": Path("services/filter"),
    "model": Path("model"),
    "monitoring": Path("monitoring"),
    "operations": Path("operations"),
    "local": Path("local"),
}
SERVICES = ("serializer", "classifier", "filter")
HOSTILE = [*SERVICES, "monitoring", "operations"]
"""Packages that read what others send."""
PROGRAMS = ["engine", "function", *SERVICES, "model", "monitoring", "operations", "local"]
RIVALS = ("evidently", "nannyml")
RUNTIMES = [f"runtime({program})" for program in PROGRAMS]
ENVIRONMENTS = Path(".nox")
ALARM = 3
"""Exit status of a drift report whose verdict is an alarm."""
TORCH = "torch==2.13.0"
"""Installed by pip, never locked: which build of it exists depends on the machine."""
UV_COMPILE = (
    "uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11",
    "--generate-hashes", "--no-header", "--no-annotate",
)  # fmt: skip


def install(session: nox.Session, package: Path, lock: str = "requirements.txt") -> None:
    """Put one package, editable, and exactly its locked requirements into the session."""
    session.install("--require-hashes", "-r", f"{package}/{lock}")
    session.install("--no-deps", "-e", str(package))


def pytest(session: nox.Session, *paths: str) -> None:
    """Run pytest on what the user named, else on `paths`."""
    session.run("python", "-m", "pytest", *(session.posargs or paths))


@nox.session(venv_backend="none")
def test(session: nox.Session) -> None:
    """Run all that CI checks, on two cores: end to end beside the rest."""
    log = Path("build/flow.log")
    log.parent.mkdir(exist_ok=True)
    nox_of = (sys.executable, "-m", "nox", "--sessions")
    session.log(f"The end-to-end tests run meanwhile; what they say comes last, from {log}.")
    with (
        log.open("w") as output,
        subprocess.Popen([*nox_of, "flow"], stdout=output, stderr=subprocess.STDOUT) as flow,
    ):
        try:
            session.run(*nox_of, *CHECKS, external=True)
        finally:
            status = flow.wait()
            session.run("cat", str(log), external=True)
    if status:
        session.error("The end-to-end tests failed.")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and import rules."""
    session.install("--require-hashes", "-r", "requirements/lint.txt")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = os.pathsep.join(str(package / "src") for package in PACKAGES.values())
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources}, silent=True)


@nox.session
def format(session: nox.Session) -> None:  # noqa: A001 - the name that people type
    """Format the code and mend what ruff can mend."""
    session.install("--require-hashes", "-r", "requirements/lint.txt")
    session.run("ruff", "format")
    session.run("ruff", "check", "--fix")


@nox.session
@nox.parametrize("package", list(PACKAGES), ids=list(PACKAGES))
def typecheck(session: nox.Session, package: str) -> None:
    """Check one package's types, strictly, beside its own locked dependencies."""
    home = PACKAGES[package]
    install(session, home, "requirements-test.txt")
    checked = (f"{home}/src", *test_folders(package))
    session.run("mypy", *checked, env={"MYPYPATH": f"{home}/src"})


@nox.session
@nox.parametrize("package", list(PACKAGES), ids=list(PACKAGES))
def tests(session: nox.Session, package: str) -> None:
    """Run one package's tests in an environment that holds no other package."""
    install(session, PACKAGES[package], "requirements-test.txt")
    pytest(session, *test_folders(package))


def test_folders(package: str) -> tuple[str, ...]:
    """The tests of a package; with operations', those of what it deploys and has no package."""
    deployed = ("observability/tests", "orchestration/tests")
    return (f"{PACKAGES[package]}/tests", *(deployed if package == "operations" else ()))


def install_training(session: nox.Session, lock: str = "requirements-train.txt") -> None:
    """Put `model` with PyTorch, and what a lock has beside it, into the session."""
    session.run("uv", "pip", "install", "--quiet", "pip", external=True)
    session.run("python", "-m", "pip", "install", "--quiet", TORCH)
    install(session, PACKAGES["model"], lock)


@nox.session
def tests_train(session: nox.Session) -> None:
    """Train on a small folder with the real PyTorch and serve what came out."""
    install_training(session)
    session.run("mypy", "model/src", "model/tests_train", env={"MYPYPATH": "model/src"})
    pytest(session, "model/tests_train")


@nox.session
def tests_ops(session: nox.Session) -> None:
    """Show what the SageMaker SDK would send, without an account and without a network."""
    install(session, PACKAGES["model"], "requirements-ops.txt")
    checked = ("model/src/scones_model/aws", "model/tests_ops")
    session.run("mypy", *checked, env={"MYPYPATH": "model/src"})
    pytest(session, "model/tests_ops")


def vehicles(session: nox.Session, python: str) -> Path:
    """Prepare CIFAR-100's vehicles, once, or the user's folder of classes, each time anew."""
    own = os.environ.get("IMAGES")
    folder = Path("build/own-classes" if own else "build/vehicles")
    if own or not (folder / "manifest.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        source = ["--folder", own] if own else []
        if others := os.environ.get("NEITHER"):
            source += ["--neither-folder", others]
        prepare = ("-m", "scones_model.data.dataset", "--out", str(folder), *source)
        session.run(python, *prepare, external=True)
    return folder


@nox.session
def train(session: nox.Session) -> None:
    """Train a model into build/model; what ships in model/weights stays as it is."""
    install_training(session)
    folder = vehicles(session, "python")
    parts = ("train", "calibration", "test", "neither")
    channels = [f"--{part}={folder / part}" for part in parts if (folder / part).is_dir()]
    made = ("--backbone", "model/weights/backbone.pt", "--model-dir", "build/model")
    session.run("python", "-m", "scones_model.training.train", *channels, *made, *session.posargs)


@nox.session
def pretrain(session: nox.Session) -> None:
    """Make the backbone anew into build/backbone.pt; takes an hour on two cores."""
    install_training(session)
    options = ("--out", "build/backbone.pt", *session.posargs)
    session.run("python", "-m", "scones_model.training.pretrain", *options)


@nox.session(requires=["runtime(model)"], venv_backend="none")
def evaluate(session: nox.Session) -> None:
    """Measure a model, the shipped one unless MODEL names another, and write its card."""
    python = f"{ENVIRONMENTS}/runtime-model/bin/python"
    folder = vehicles(session, python)
    model = os.environ.get("MODEL", "model/weights/vehicles.onnx")
    command = ("-m", "scones_model.evaluation.evaluate", model, str(folder))
    session.run(python, *command, "--out", "build/evaluation", *session.posargs, external=True)


@nox.session(requires=["runtime(model)"], venv_backend="none")
def gate(session: nox.Session) -> None:
    """Say whether the model of `train` may replace the shipped one."""
    python = f"{ENVIRONMENTS}/runtime-model/bin/python"
    models = (os.environ.get("MODEL", "build/model/model.onnx"), "model/weights/vehicles.onnx")
    command = ("-m", "scones_model.evaluation.gate", *models, str(vehicles(session, python)))
    session.run(python, *command, "--out", "build/gate.json", *session.posargs, external=True)


@nox.session
@nox.parametrize("program", PROGRAMS, ids=PROGRAMS)
def runtime(session: nox.Session, program: str) -> None:
    """Build the environment in which one program of the local stack runs."""
    if program == "engine":
        session.install("--require-hashes", "-r", "local/requirements-engine.txt")
        session.install("--no-deps", "-e", "local")
        return
    if program in PACKAGES:
        install(session, PACKAGES[program])
    if program in ("function", *SERVICES):
        session.install("--require-hashes", "-r", "local/requirements-function.txt")


def scones_local(session: nox.Session, *arguments: str) -> None:
    """Run the local stack's command line in its own environment."""
    python = f"{ENVIRONMENTS}/runtime-local/bin/python"
    session.run(python, "-m", "scones_local", *arguments, external=True)


@nox.session(requires=RUNTIMES, venv_backend="none")
def demo(session: nox.Session) -> None:
    """Send pictures through the whole flow; the Makefile names the settings."""
    scones_local(session, "demo", *session.posargs)


@nox.session(requires=RUNTIMES, venv_backend="none")
def up(session: nox.Session) -> None:
    """Start the stack and leave it running; with EMPTY=1 without anything deployed."""
    empty = ["--empty"] if os.environ.get("EMPTY") == "1" else []
    scones_local(session, "up", *empty, *session.posargs)


@nox.session(requires=["runtime(local)"], venv_backend="none")
def down(session: nox.Session) -> None:
    """Stop what `up` started."""
    scones_local(session, "down")


def scones_ops(session: nox.Session, *arguments: str, python: str) -> None:
    """Run operations' command line; with STAGE=local against the stack that `up` left running."""
    variables: dict[str, str | None] = {}
    if os.environ.get("STAGE") == "local":
        left = Path("build/local/environment.json")
        if not left.exists():
            session.error("No stack is up: run `make up`, or `make up EMPTY=1`, first.")
        own = {name: None for name in os.environ if name.startswith("AWS_")}
        variables = {**own, **json.loads(left.read_text())}
    command = (python, "-m", "scones_operations.cli", *arguments)
    session.run(*command, env=variables, external=True)


@nox.session(requires=["runtime(operations)"], venv_backend="none")
def operations(session: nox.Session) -> None:
    """Run one of operations' commands: release, rollback, due, redrive, backfill, cost."""
    python = f"{ENVIRONMENTS}/runtime-operations/bin/python"
    scones_ops(session, *session.posargs, python=python)


@nox.session(requires=["runtime(operations)"], venv_backend="none")
@nox.parametrize("service", SERVICES, ids=SERVICES)
def build(session: nox.Session, service: str) -> None:
    """Make a service's zip for Lambda in dist/, for arm64 unless ARCH says otherwise."""
    python = f"{ENVIRONMENTS}/runtime-operations/bin/python"
    arch = os.environ.get("ARCH", "arm64")
    scones_ops(session, "build", service, f"--arch={arch}", *session.posargs, python=python)


def install_delivery(session: nox.Session) -> None:
    """Put operations into the session, and the model's commands, which need as little."""
    install(session, PACKAGES["operations"])
    session.install("--no-deps", "-e", "model")


@nox.session
def deploy(session: nox.Session) -> None:
    """Create or change a stage: with GROUP its newest approved model first, then the rest."""
    install_delivery(session)
    if group := os.environ.get("GROUP"):
        session.run("scones-model", "deploy", f"--group={group}", f"--stage={stage()}")
    scones_ops(session, "deploy", *session.posargs, python="python")


@nox.session
def destroy(session: nox.Session) -> None:
    """Delete a stage: its endpoint last; with EMPTY=1 what is stored, too."""
    install_delivery(session)
    empty = os.environ.get("EMPTY") == "1"
    scones_ops(
        session, "destroy", *(["--empty"] if empty else []), *session.posargs, python="python"
    )
    if stage() != "local":  # which has no endpoint's stack
        captures = ["--captures"] if empty else []
        session.run("scones-model", "destroy", f"--stage={stage()}", *captures, *session.posargs)


@nox.session
def validate(session: nox.Session) -> None:
    """Check every template, policy and workflow, with SAM's own command line too."""
    session.install("--require-hashes", "-r", "operations/requirements-validate.txt")
    session.install("--no-deps", "-e", "operations")
    scones_ops(session, "validate", *session.posargs, python="python")


def stage() -> str:
    """The deployment stage that the user named."""
    return os.environ.get("STAGE") or "dev"


@nox.session(requires=["runtime(monitoring)"], venv_backend="none")
def report(session: nox.Session) -> None:
    """Say whether a model can still be trusted, by default of what the demo captured."""
    story = Path("build/demo/drift")
    own = os.environ.get("CAPTURES")
    if not own and not story.exists():
        session.error("Run `make demo` first, or name captures: make report CAPTURES=<dir>.")
    places = {"captures": own or story / "captures", "out": os.environ.get("OUT", "build/report")}
    usual = {"baseline": story / "baseline.json", "labels": story / "labels", "classes": None}
    for name, place in usual.items():
        if given := os.environ.get(name.upper()) or (None if own else place):
            places[name] = given
    options = [f"--{name}={place}" for name, place in places.items()]
    scones_monitor(session, "report", *options, *session.posargs, success_codes=(0, ALARM))
    if json.loads(Path(places["out"], "report.json").read_text())["verdict"] == "ALARM":
        session.error("The verdict is ALARM.")  # as scones-monitor says by its status


@nox.session(requires=["runtime(monitoring)"], venv_backend="none")
def simulate(session: nox.Session) -> None:
    """Show how often the drift detector is wrong."""
    scones_monitor(session, "simulate", *session.posargs)


def scones_monitor(
    session: nox.Session, *arguments: str, success_codes: tuple[int, ...] = (0,)
) -> None:
    """Run monitoring's command line in its own environment."""
    command = f"{ENVIRONMENTS}/runtime-monitoring/bin/scones-monitor"
    session.run(command, *arguments, external=True, success_codes=success_codes)


@nox.session
def tests_spark(session: nox.Session) -> None:
    """Read captures with a real local Spark; needs Java 17, so only who asks for it runs it."""
    install(session, PACKAGES["monitoring"], "requirements-spark.txt")
    spark = "monitoring/src/scones_monitoring/capture/spark.py"
    session.run("mypy", spark, "monitoring/tests_spark", env={"MYPYPATH": "monitoring/src"})
    pytest(session, "monitoring/tests_spark")


@nox.session
@nox.parametrize("tool", RIVALS, ids=RIVALS)
def rival(session: nox.Session, tool: str) -> None:
    """Build the environment of a drift tool to compare with."""
    session.install("--require-hashes", "-r", f"monitoring/bench/requirements-{tool}.txt")


@nox.session(
    requires=["runtime(monitoring)", *(f"rival({tool})" for tool in RIVALS)], venv_backend="none"
)
def bench_monitoring(session: nox.Session) -> None:
    """Measure reading against json.loads, and reports against other drift tools."""
    python = f"{ENVIRONMENTS}/runtime-monitoring/bin/python"
    session.run(python, "monitoring/bench/reader.py", *session.posargs, external=True)
    others = [f"--{tool}={ENVIRONMENTS}/rival-{tool}/bin/python" for tool in RIVALS]
    session.run(python, "monitoring/bench/drift_report.py", *others, external=True)


@nox.session(requires=RUNTIMES)
def flow(session: nox.Session) -> None:
    """Test the whole flow end to end on the local engine."""
    install(session, PACKAGES["local"], "requirements-test.txt")
    cache = "--cache-dir=.mypy_cache/flow"  # another mypy may run meanwhile
    session.run("mypy", cache, "local/tests_flow", env={"MYPYPATH": "local/src"})
    pytest(session, "local/tests_flow")


@nox.session(requires=RUNTIMES, venv_backend="none")
def chaos(session: nox.Session) -> None:
    """Upload under every fault there is, and account for each."""
    scones_local(session, "chaos", *session.posargs)


@nox.session
@nox.parametrize("package", HOSTILE, ids=HOSTILE)
def fuzz(session: nox.Session, package: str) -> None:
    """Give a package far more hostile input than `tests` does; EXAMPLES and SEED as environment."""
    home = PACKAGES[package]
    install(session, home, "requirements-test.txt")
    many = {
        "FUZZ_EXAMPLES": os.environ.get("EXAMPLES") or "20000",
        "FUZZ_SEED": os.environ.get("SEED") or "random",
    }
    files = sorted(map(str, home.glob("tests/test_hostile*.py")))
    session.run("python", "-m", "pytest", "-s", *files, *session.posargs, env=many)


@nox.session(requires=["runtime(model)"])
def bench_model(session: nox.Session) -> None:
    """Measure the served model and its server against the same network in PyTorch."""
    install_training(session)
    python = f"{ENVIRONMENTS}/runtime-model/bin/python"
    rival = ("--torch", f"{session.bin}/python")
    session.run(python, "model/bench/serving.py", *rival, *session.posargs, external=True)


@nox.session(requires=RUNTIMES)
def bench_load(session: nox.Session) -> None:
    """Load the flow, then the serving program beside FastAPI + PyTorch and the bare session."""
    install_training(session, "bench/requirements.txt")
    scones_local(session, "load", *session.posargs)
    python = f"{ENVIRONMENTS}/runtime-model/bin/python"
    session.run(python, "model/bench/load.py", "--torch", f"{session.bin}/python", external=True)


@nox.session(requires=["runtime(operations)"], venv_backend="none")
def bench_coldstart(session: nox.Session) -> None:
    """Measure cold starts of the zips against the course's Lambda and unslimmed builds."""
    python = f"{ENVIRONMENTS}/runtime-operations/bin/python"
    session.run(python, "operations/bench/coldstart.py", *session.posargs, external=True)


@nox.session(requires=RUNTIMES, venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure the flow in bursts, in turns with calling the three functions by hand."""
    scones_local(session, "bench", *session.posargs)


@nox.session
@nox.parametrize("service", SERVICES, ids=SERVICES)
def schemas(session: nox.Session, service: str) -> None:
    """Check that contracts/ is what a service makes and takes, in that service's environment."""
    install(session, PACKAGES[service], "requirements-test.txt")
    session.run("python", f"contracts/{service}.py", "--check")
    modules = [f"contracts/{name}.py" for name in ("contract", "compatibility", service)]
    session.run("mypy", *modules, env={"MYPYPATH": f"{PACKAGES[service]}/src:contracts"})


@nox.session
def schemas_tests(session: nox.Session) -> None:
    """Show that the check of contracts/ finds what it is for."""
    session.install("--require-hashes", "-r", "services/filter/requirements-test.txt")
    session.env["PYTHONPATH"] = session.env["MYPYPATH"] = "contracts"
    session.run("mypy", "contracts/tests")
    pytest(session, "contracts/tests")


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve every environment's requirements again, into files that name no registry."""
    for name in ("nox", "lint"):
        group = ("--group", f"pyproject.toml:{name}")
        compile_lock(session, Path("requirements") / f"{name}.txt", *group)
    for package in PACKAGES.values():
        project = package / "pyproject.toml"
        run = package / "requirements.txt"
        compile_lock(session, run, str(project))
        test = ("--group", f"{project}:test", "-c", str(run))
        compile_lock(session, package / "requirements-test.txt", str(project), *test)
    training = ("--extra", "train", "--group", "model/pyproject.toml:test")
    constraint = ("-c", "model/requirements-test.txt")
    sources = ("model/pyproject.toml", *training, *constraint)
    compile_lock(session, Path("model/requirements-train.txt"), *sources)
    job = ("--group", "model/pyproject.toml:job", "-c", "model/requirements-train.txt")
    compile_lock(session, Path("model/src/scones_model/aws/job-requirements.txt"), *job)
    bench = ("--extra", "train", "--group", "model/pyproject.toml:bench")
    constraint = ("-c", "model/requirements-train.txt")
    sources = ("model/pyproject.toml", *bench, *constraint)
    compile_lock(session, Path("model/bench/requirements.txt"), *sources)
    # Unconstrained: the SageMaker SDK wants older releases of what the server runs on.
    operations = ("--extra", "ops", "--group", "model/pyproject.toml:test")
    compile_lock(session, Path("model/requirements-ops.txt"), "model/pyproject.toml", *operations)
    monitoring = Path("monitoring/pyproject.toml")
    spark = ("--extra", "spark", "--group", f"{monitoring}:test", "--group", f"{monitoring}:spark")
    constraint = ("-c", "monitoring/requirements-test.txt")
    sources = (str(monitoring), *spark, *constraint)
    compile_lock(session, Path("monitoring/requirements-spark.txt"), *sources)
    for tool in RIVALS:
        group = ("--group", f"{monitoring}:{tool}")
        compile_lock(session, Path(f"monitoring/bench/requirements-{tool}.txt"), *group)
    validate = ("--group", "operations/pyproject.toml:validate")
    compile_lock(session, Path("operations/requirements-validate.txt"), *validate)
    course = ("--group", "operations/pyproject.toml:course")
    compile_lock(session, Path("operations/bench/requirements-course.txt"), *course)
    for name in ("engine", "function"):
        group = ("--group", f"local/pyproject.toml:{name}")
        compile_lock(session, Path("local") / f"requirements-{name}.txt", *group)


def compile_lock(session: nox.Session, lock: Path, *sources: str) -> None:
    """Resolve `sources` into `lock`; what it already pins stays unless it no longer fits."""
    session.run(*UV_COMPILE, *sources, *session.posargs, "-o", str(lock), external=True)
