"""How the tool answers to what is no subcommand, and what shells complete. Needs no server."""
import subprocess

import pytest
from harness import places


def tool(*words):
    return subprocess.run([places.TOOL, *words], env=places.clean_environment(), capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("group, names", [("import", ("import retail", "import catalogue")),
                                          ("schema", ("schema diff", "schema check", "schema register", "schema verify-log"))])
def test_group_without_a_subcommand(group, names):
    for words in ((group,), (group, "nonsense")):
        done = tool(*words)
        assert done.returncode == 2 and done.stdout == ""
        assert all(name in done.stderr for name in names) and "usage: orderlog " + group in done.stderr
    assert "there is no subcommand" in done.stderr
    done = tool(group, "--help")
    assert done.returncode == 0 and all(name in done.stdout for name in names)


def test_no_such_subcommand():
    done = tool("nonsense")
    assert done.returncode == 2 and "there is no subcommand 'nonsense'" in done.stderr


@pytest.mark.parametrize("typed, expected", [
    (("",), {"import", "schema", "tail", "audit", "parked", "pause", "resume", "replay", "views", "rollback"}), (("schema", ""), {"diff", "check", "register", "verify-log"}), (("import", ""), {"retail", "catalogue"}),
    (("parked", ""), {"list", "show", "retry", "skip"}), (("replay", "--ac"), {"--accept"}),
    (("schema", "verify-log", "--ag"), {"--against"}), (("schema", "check", "--d"), {"--directory"})])
def test_completion(tmp_path, typed, expected):
    script = tmp_path / "completion.bash"
    script.write_text(tool("completion", "bash").stdout, encoding="utf-8")
    words = " ".join(f"'{word}'" for word in ("orderlog", *typed))
    ask = f'. {script}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _orderlog; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=20, check=True, cwd=tmp_path)
    assert expected <= set(done.stdout.split()), done.stdout
