import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_avnet_alone_and_works_by_itself(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.split("/")[0] for name in names}
    # Models and tables are data of the package.
    data = [file for file in (ROOT / "avnet").rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
    assert data and {file.relative_to(ROOT).as_posix() for file in data} <= names
    assert top == {"avnet", f"avnet-{wheel.name.split('-')[1]}.dist-info"}

    # A fresh environment with pip's own installer; the dependencies are lent by a path file, so no network is needed.
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env" / "lib").glob("python*")) / "site-packages"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "lent.pth").write_text(site_packages + "\n")
    imports = "import avnet, avnet.correspondence.model, avnet.cli.main"
    script = f"{imports}; print(avnet.__file__); print(avnet.ModelConfig.small().network)"
    child = subprocess.run([str(python), "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    file, network = child.stdout.splitlines()
    assert Path(file).is_relative_to(tmp_path / "env")
    assert network == "ave"
    help_process = subprocess.run(
        [str(tmp_path / "env" / "bin" / "avnet"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "localize" in help_process.stdout
