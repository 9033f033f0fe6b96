"""The components' code: files joined to one module each."""

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

from viz import components
from viz.components.code import code, lean

HERE = Path(components.__file__).parent
NAMES = [
    path.parent.name
    for path in sorted(HERE.glob("*/__init__.py"))
    if "code(" in path.read_text(encoding="utf-8")
]
DECLARED = r"^(?:export default )?(?:async )?(?:function|class|const|let) (\w+)"


def test_shared_files_come_first_and_a_style_sheet_may_be_missing(tmp_path):
    (tmp_path / "first.js").write_text("first();")
    (tmp_path / "second.js").write_text("second();")
    (tmp_path / "second.css").write_text("p { margin: 0; }")
    made = code(str(tmp_path / "__init__.py"), shared=("view",), own=("first", "second"))
    assert made.js.startswith("const views = new WeakMap();")
    assert made.js.endswith("}\nfirst();\nsecond();")
    assert made.css.startswith(".view {")
    assert made.css.endswith("\np { margin: 0; }")


def test_only_what_nothing_reads_is_left_out():
    source = """// a comment
    const url = "https://here"; // stays

      /* another */
    f(`a // b`);"""
    assert lean(source) == 'const url = "https://here"; // stays\nf(`a // b`);'


@pytest.mark.parametrize("path", sorted(HERE.glob("**/*.js")), ids=lambda path: path.stem)
def test_no_literal_goes_on_over_several_lines(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        assert line.count("`") % 2 == 0, line


def test_a_script_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        code(str(tmp_path / "__init__.py"), shared=(), own=("absent",))


@pytest.mark.parametrize("name", NAMES)
def test_a_module_gives_each_name_once_and_draws_with_one_function(name):
    """Two declarations of one name, in files that are joined, would be no module at all."""
    js = importlib.import_module(f"viz.components.{name}").CODE.js
    paths = [*HERE.glob("*.js"), *HERE.glob(f"{name}/*.js")]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    sources = [source for source in sources if lean(source) in js]
    named = Counter(found for source in sources for found in re.findall(DECLARED, source, re.M))
    assert not [one for one, times in named.items() if times > 1]
    assert len(re.findall(r"^export default function \w+\(", js, re.M)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_a_component_is_in_its_code(name):
    made = importlib.import_module(f"viz.components.{name}").CODE
    for path in (HERE / name).glob("*.js"):
        assert lean(path.read_text(encoding="utf-8")) in made.js, path.name
    for path in (HERE / name).glob("*.css"):
        assert lean(path.read_text(encoding="utf-8")) in made.css, path.name
