"""Modules that are joined do what they do one by one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from banyan.entrypoints.console.modules import CannotBeJoined, joined
from banyan.entrypoints.console.page import FOLDER

MODULES = {
    "main.js": """\
import { greet, LANGUAGES as languages } from "./lib/greeting.js"; // first
import Person from "./person.js";
import { count } from "./lib/count.js";
console.log(await greet(new Person("kim")), languages.join(), count());
""",
    "person.js": """\
import { count } from "./lib/count.js";

export default class Person {
  constructor(name) {
    this.name = name;
    count();
  }
}
""",
    "lib/greeting.js": """\
import { hello as greeting } from "../vendor/words.js";
import { count } from "./count.js";

const own = (name) => name.toUpperCase();
const LANGUAGES = ["en"];

/** export function inSomeComment() */
export async function greet({ name }) {
  count();
  return `${greeting} ${own(name)}`;
}
export { LANGUAGES, own as shout };
""",
    "lib/count.js": "let counted = 0;\nexport const count = () => (counted += 1);\n",
    "vendor/words.js": "var h='hello';export{h as hello};",
}


def test_joined_modules_do_what_they_do_one_by_one(tmp_path: Path) -> None:
    node = shutil.which("node") or pytest.skip("Node is not installed")
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "joined.js").write_text(joined("main.js", MODULES.__getitem__))
    said = [subprocess.check_output([node, tmp_path / name], text=True) for name in ("main.js", "joined.js")]
    assert said == ["hello KIM en 3\n"] * 2


def test_the_modules_of_the_console_are_written_in_forms_that_can_be_joined() -> None:
    assert "session.start()" in joined("main.js", lambda name: (FOLDER / name).read_text())


def test_each_module_is_there_once_and_before_who_imports_it() -> None:
    text = joined("main.js", MODULES.__getitem__)
    assert re.findall(r"// (\S+\.js)$", text, re.MULTILINE) == ["lib/count.js", "lib/greeting.js", "person.js"]
    assert text.startswith('import * as $module0 from "./vendor/words.js";\n')


@pytest.mark.parametrize(
    "line",
    [
        'import * as all from "./other.js";',
        'import Other, { more } from "./other.js";',
        'import "./other.js";',
        'import {\n  more,\n} from "./other.js";',
        'import { more } from "elsewhere";',
        "export default () => 1;",
        "export let changing = 1;",
        'export { more } from "./other.js";',
        'export * from "./other.js";',
        'import { one } from "./main.js";',
        'import { other } from "./other.js"; start();',
        '  import { other } from "./other.js";',
        "  export const more = 1;",
        'const more = await import("./more.js");',
        "const here = import.meta.url;",
    ],
)
def test_what_is_written_in_another_form_is_not_joined(line: str) -> None:
    modules = {"main.js": f'{line}\nimport {{ other }} from "./other.js";\n', "other.js": "export const other = 1;\n"}
    with pytest.raises(CannotBeJoined, match=r"main\.js"):
        joined("main.js", modules.__getitem__)


@pytest.mark.parametrize(
    "text",
    [
        "export const other = await 1;\n",
        "await 1;\nexport const other = 1;\n",
        "export const another = 1, other = 2;\n",
    ],
    ids=["a constant that waits", "a module that waits", "a constant beside another"],
)
def test_a_module_that_would_be_another_one_within_a_function_is_not_joined(text: str) -> None:
    modules = {"main.js": 'import { other } from "./other.js";\n', "other.js": text}
    with pytest.raises(CannotBeJoined, match=r"other\.js"):
        joined("main.js", modules.__getitem__)


def test_modules_that_import_each_other_are_not_joined() -> None:
    modules = {
        "main.js": 'import { a } from "./a.js";\n',
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(CannotBeJoined, match=r"a\.js imports itself"):
        joined("main.js", modules.__getitem__)
