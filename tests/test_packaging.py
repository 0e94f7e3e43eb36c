"""What a user gets from the wheel and the sdist."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str, cwd: Path, **environ: str) -> str:
    process = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows or would add, and nothing else of this folder."""
    target = tmp_path_factory.mktemp("checkout")
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.exists() or source.is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "-nw", "-o", str(out), cwd=checkout)
    return next(out.glob("wsgikit-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own, as pip lays them out."""
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_wheel_holds_exactly_the_two_folders(checkout: Path, wheel: Path) -> None:
    expected = {
        path.relative_to(checkout).as_posix()
        for path in (checkout / "wsgikit").rglob("*")
        if path.is_file() and (checkout / "wsgikit/middleware") not in path.parents
    }
    expected |= {
        f"wsgikit/middleware/{path.name}" for path in (checkout / "middleware").glob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected


def test_wheel_builds_where_git_makes_no_symlinks(checkout: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(checkout, plain, symlinks=True)
    link = plain / "wsgikit" / "middleware"
    link.unlink()
    link.write_text("../middleware")  # what git leaves there without symlinks
    run(sys.executable, "-m", "build", "-nw", "-o", str(tmp_path), cwd=plain)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert "wsgikit/middleware/context.py" in archive.namelist()


def test_app_with_its_own_middleware_package_works_beside_it(
    installed: Path, tmp_path: Path
) -> None:
    own = tmp_path / "middleware"
    own.mkdir()
    (own / "__init__.py").write_text("OWN = True\n")
    code = (
        "import middleware, wsgikit.middleware; "
        "print(middleware.OWN, wsgikit.middleware.standard.__module__, wsgikit.__file__)"
    )
    path = f"{installed}{os.pathsep}{tmp_path}"
    out = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=path)
    assert out.split() == [
        "True",
        "wsgikit.middleware.standard",
        str(installed / "wsgikit" / "__init__.py"),
    ]


def test_installed_command_prints_a_key(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-deps", "--no-index", "--target", str(tmp_path), str(wheel), cwd=tmp_path)
    command = str(tmp_path / "bin" / "wsgikit")
    key = run(command, "secret", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert len(bytes.fromhex(key)) == 32


def test_sdist_holds_tests_and_deploy(checkout: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "-ns", "-o", str(tmp_path), cwd=checkout)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers()}
    for needed in ("tests/conftest.py", "deploy/wsgi.py", "Makefile", "middleware/context.py"):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name]


def test_metadata_names_the_license_and_the_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith("METADATA"))
        metadata = archive.read(name).decode()
    assert "License-Expression: MIT" in metadata
    for extra in ("gunicorn", "jinja", "mako", "testing"):
        assert f"Provides-Extra: {extra}\n" in metadata
