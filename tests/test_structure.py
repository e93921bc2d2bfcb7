"""Which room may import from which, what must not be needed, and what a script may load before its options are read."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Rooms import from rooms on lower floors, and from themselves.
FLOORS = {
    "config": 0,
    "media": 1,
    "audio": 2,
    "face": 2,
    "models": 3,
    "dataset": 3,
    "training": 4,
    "dubbing": 4,
    "evaluation": 4,
    "preprocessing": 5,
    "serving": 5,
    "sample_speaker": 5,
    "tools": 6,
    "benchmarks": 7,
}
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py"))
PROGRAMS = [path for room in ("tools", "benchmarks") for path in sorted((ROOT / room).glob("*.py"))]
PROGRAMS = [f"{path.parent.name}.{path.stem}" for path in PROGRAMS if "__main__" in path.read_text(encoding="utf-8")]
HEAVY = ("torch", "torchvision", "cv2", "av", "mediapipe", "scipy", "matplotlib", "skimage", "transformers")
# A machine that only trains has PyTorch, torchvision, NumPy, OpenCV and tqdm.
NOT_FOR_TRAINING = ("mediapipe", "av", "tensorflow", "transformers", "gradio", "fastapi", "uvicorn")


def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    files = [*ROOT.glob("*.py"), *(path for room in FLOORS for path in (ROOT / room).glob("**/*.py"))]
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in named.items() if "config.experiment" not in name}


MODULES = modules()


def imported(name: str, whole: bool) -> set[str]:
    """What a module imports: anywhere in it, or, not `whole`, only what is imported when it is itself."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(MODULES[name].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_for_types(node)
        if whole or not later:
            waiting += ast.iter_child_nodes(node)
    return found


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def loaded_with(name: str) -> frozenset[str]:
    """All modules, of the project and foreign ones, that importing `name` imports."""
    loaded, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in loaded:
            loaded.add(current)
            waiting += imported(current, whole=False) if current in MODULES else ()
    return frozenset(loaded - {name})


def room_of(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("room", FLOORS)
def test_rooms_import_downwards(room):
    upwards = [
        f"{name} imports {other}"
        for name in MODULES
        if room_of(name) == room
        for other in imported(name, whole=True)
        if room_of(other) != room and (room_of(other) in SCRIPTS or FLOORS.get(room_of(other), -1) >= FLOORS[room])
    ]
    assert not upwards


@pytest.mark.parametrize("room", ["models", "training", "dataset"])
def test_training_needs_none_of_the_libraries_of_preparation(room):
    for name in MODULES:
        if room_of(name) == room:
            foreign = {other.partition(".")[0] for other in loaded_with(name)}
            assert not foreign & set(NOT_FOR_TRAINING), name


def test_no_module_imports_itself_in_a_circle():
    circles = [
        name for name in MODULES if any(name in imported(o, whole=False) for o in loaded_with(name) & set(MODULES))
    ]
    assert not circles


@pytest.mark.parametrize("script", [*SCRIPTS, *PROGRAMS])
def test_a_script_loads_nothing_heavy_before_its_options_are_read(script):
    heavy = {other.partition(".")[0] for other in loaded_with(script)} & set(HEAVY)
    assert not heavy


def test_the_rules_know_every_room():
    rooms = {path.parent.name for path in ROOT.glob("*/*.py")} - {"tests"}
    assert rooms <= set(FLOORS) and not set(FLOORS) & set(sys.stdlib_module_names)
