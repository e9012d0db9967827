"""Run the notebooks and keep what they show, static views only: python scripts/run_notebooks.py [NAME ...]"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(names: list[str]) -> None:
    """Execute each notebook in its folder and write it back without widget state, timings or progress bars."""
    for path in [FOLDER / name for name in names] or sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, store_widget_state=False, resources={"metadata": {"path": str(FOLDER)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            for output in cell.get("outputs", ()):
                output.get("data", {}).pop(WIDGET, None)
            if cell.cell_type == "code":
                cell.outputs = [o for o in cell.outputs if not (o.output_type == "display_data" and set(o.data) <= {"text/plain"})]
        notebook.metadata.pop("widgets", None)
        nbformat.write(notebook, path)
        print(path.name, f"{path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
