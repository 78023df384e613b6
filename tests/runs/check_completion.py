"""Types lines into an interactive bash, on a terminal of its own, presses the tabulator and reads what becomes of them.

Usage: check_completion.py COMPLETION DATA_DIRECTORY, in a directory with the files named below.
"""
import os
import pty
import re
import select
import sys
import time

SETTINGS = ["show-all-if-ambiguous on", "bell-style none", "page-completions off", "completion-query-items 0",
            "enable-bracketed-paste off"]
TAB, CLEAR, TELL = b"\t", b"\x15", b"\x14"
PATIENCE = 20  # seconds

# What is typed, and the whole line after the tabulator; or, where several go on so, the words that are listed.
ONE = {
    "mpiae tr": "mpiae train ",
    "mpiae train vhe-gl": "mpiae train vhe-glyphs.yaml ",
    "mpiae train dir": "mpiae train directory/",
    "mpiae train vhe-glyphs.yaml vhe.w": "mpiae train vhe-glyphs.yaml vhe.weighting=",
    "mpiae train vhe-glyphs.yaml vhe.weighting=an": "mpiae train vhe-glyphs.yaml vhe.weighting=anneal ",
    "mpiae train vhe-glyphs.yaml data.shards=a": "mpiae train vhe-glyphs.yaml data.shards=auto ",
    "mpiae train vhe-glyphs.yaml data.train=gl": "mpiae train vhe-glyphs.yaml data.train=glyphs.h5 ",
    "mpiae train vhe-glyphs.yaml --run dir": "mpiae train vhe-glyphs.yaml --run directory/",
    "mpiae train vhe-glyphs.yaml --resume --re": "mpiae train vhe-glyphs.yaml --resume --re",
    "mpiae train --run directory vhe-glyphs.yaml network.latent": "mpiae train --run directory vhe-glyphs.yaml network.latent_size=",
    "mpiae encode directory gl": "mpiae encode directory glyphs.h5 ",
    "mpiae encode directory glyphs.h5 vhe.w": "mpiae encode directory glyphs.h5 vhe.w",
    "mpiae import id": "mpiae import idx ",
    "mpiae import idx bytes bytes-": "mpiae import idx bytes bytes-idx3 ",
    "mpiae synth ": "mpiae synth glyphs ",
    "mpiae synth glyphs --layout s": "mpiae synth glyphs --layout set ",
    "mpiae synth glyphs --layout=s": "mpiae synth glyphs --layout=set ",
    "mpiae synth glyphs --count ": "mpiae synth glyphs --count ",
    "mpiae cluster glyphs.h5:/x --init k": "mpiae cluster glyphs.h5:/x --init k-means++ ",
    "mpiae help config vhe.w": "mpiae help config vhe.weighting ",
    "mpiae help met": "mpiae help metrics ",
    "./mpiae tr": "./mpiae train ",
    "mpirun -n 2 gl": "mpirun -n 2 glyphs.h5 ",
    "mpirun -n 2 mpiae tr": "mpirun -n 2 mpiae train ",
    "mpirun -n 2 ./mpiae train vhe-glyphs.yaml vhe.w": "mpirun -n 2 ./mpiae train vhe-glyphs.yaml vhe.weighting=",
    "mpirun -n 2 mpiae train vhe-glyphs.yaml vhe.weighting=an": "mpirun -n 2 mpiae train vhe-glyphs.yaml vhe.weighting=anneal ",
}
SEVERAL = {
    "mpiae train vhe-glyphs.yaml vhe.weighting=": {"none", "anneal", "gradient", "mutual-information"},
    "mpirun -n 2 mpiae train vhe-glyphs.yaml vhe.weighting=": {"none", "anneal", "gradient", "mutual-information"},
    "mpiae train vhe-glyphs.yaml checkpoint.best=": {"true", "false"},
    "mpiae import ": {"idx", "npy", "cifar10"},
    "mpiae encode --": {"--out", "--help", "--version", "--quiet", "--verbose"},
}


class Shell:
    def __init__(self, *lines):
        process, self.terminal = pty.fork()
        if process == 0:
            os.environ.update(PS1="", TERM="dumb", INPUTRC="/dev/null")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        tell = r"""bind -x '"\C-t": printf "\n<%s>\n" "$READLINE_LINE"'"""
        for line in [*lines, *(f"bind 'set {setting}'" for setting in SETTINGS), tell, "stty -echo; echo set-'up'"]:
            os.write(self.terminal, f"{line}\n".encode())
        self.read_to(r"set-up\r?\n")

    def read_to(self, pattern):
        text, end = "", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                text += os.read(self.terminal, 65536).decode("utf-8", "replace")
                found = re.search(pattern, text)
                if found:
                    return text[:found.start()], found
        raise AssertionError(f"bash did not say {pattern} but {text!r}")

    def complete(self, line):
        """The line after the tabulator, and the words listed under it."""
        os.write(self.terminal, CLEAR + line.encode() + TAB + TELL)
        listed, found = self.read_to(r"<([^\n]*)>\r?\n")
        os.write(self.terminal, CLEAR + b"echo next-'one'\n")
        self.read_to(r"next-one\r?\n")
        return found[1], set(listed.split())

    def check(self):
        for line, wanted in ONE.items():
            found = self.complete(line)
            assert found == (wanted, set()), (line, found)
        for line, wanted in SEVERAL.items():
            found = self.complete(line)
            assert found == (line, wanted), (line, found)


def check_loading(directory):
    """bash-completion finds the file by itself when the first word is one of those it is for."""
    load = "/usr/share/bash-completion/bash_completion"
    if not os.path.exists(load):
        print("bash-completion is not there: it is not tried whether it finds the file", file=sys.stderr)
        return
    for command in ("mpiae", "mpirun -n 2 mpiae"):
        shell = Shell(f"export XDG_DATA_DIRS={directory}", f"source {load}")
        assert shell.complete(f"{command} tr") == (f"{command} train ", set()), command


if __name__ == "__main__":
    Shell(f"source {sys.argv[1]}").check()
    check_loading(sys.argv[2])
