"""tools/report.py on runs made here: full, poor and broken ones. CTest runs it by tools/python."""
import base64
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

REPORT = Path(__file__).resolve().parent.parent / "tools" / "report.py"
METRICS = """epoch,step,train_loss,test_loss,train_kl,label_nmi,label_acc
1,10,120.5,,9.5,,
2,20,104.25,106,11,0.5,0.625
"""


def report(run, *options):
    command = [sys.executable, REPORT, run, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def pictures(page):
    return [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.run_directory = Path(self.scratch.name) / "a <run>"
        self.run_directory.mkdir()
        (self.run_directory / "metrics.csv").write_text(METRICS, encoding="utf-8")

    def write(self, name, **datasets):
        with h5py.File(self.run_directory / name, "w") as file:
            for path, values in datasets.items():
                file[path] = values

    def page(self, count):
        """The page of a good run; it must hold `count` whole pictures."""
        result = report(self.run_directory)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = (self.run_directory / "report.html").read_text(encoding="utf-8")
        found = pictures(text)
        self.assertEqual(len(found), count)
        self.assertTrue(all(picture.startswith(b"\x89PNG") for picture in found))
        self.assertNotIn("src=\"http", text)
        return text, result.stdout

    def test_full_run(self):
        draw = np.random.default_rng(1)
        label = np.arange(60, dtype="i4") % 12
        codes = draw.normal(size=(60, 20)).astype("f4")
        self.write("codes-000001.h5", z_mean=codes[:0])
        self.write("codes-000002.h5", z_mean=codes, c_mean=codes[:, :1], label=label, pseudo_label=label // 2)
        self.write("samples.h5", x=draw.random((7, 1, 28, 28), dtype="f4"))
        (self.run_directory / "config.yaml").write_text("model: vhe # <b>\n", encoding="utf-8")
        text, said = self.page(5)
        self.assertIn("codes-000002.h5", text)
        self.assertIn("model: vhe # &lt;b&gt;", text)
        self.assertIn("a &lt;run&gt;", text)
        self.assertIn("104.25 nats per example after epoch 2", said)
        self.assertIn("NMI 0.50, ACC 0.62", said)

    def test_only_metrics(self):
        text, _ = self.page(3)
        self.assertNotIn("Codes", text)

    def test_flat_and_colour_samples(self):
        self.write("samples-000001.h5", x=np.zeros((3, 784), "f4"))
        self.page(4)
        self.write("samples-000002.h5", x=np.full((5, 3, 8, 8), 255, "u1"))
        self.assertIn("samples-000002.h5", self.page(4)[0])
        self.write("samples-000003.h5", x=np.zeros((3, 7), "f4"))
        self.page(3)

    def test_no_epoch_yet(self):
        (self.run_directory / "metrics.csv").write_text("epoch,step,train_loss\n", encoding="utf-8")
        self.page(0)

    def refused(self, part):
        result = report(self.run_directory)
        self.assertEqual(result.returncode, 3)
        self.assertIn(part, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def test_no_metrics(self):
        (self.run_directory / "metrics.csv").unlink()
        self.refused("metrics.csv")

    def test_broken_metrics(self):
        (self.run_directory / "metrics.csv").write_text("epoch,train_loss\n1,x\n", encoding="utf-8")
        self.refused("not a table of numbers")

    def test_broken_codes(self):
        (self.run_directory / "codes-000001.h5").write_bytes(b"rubbish")
        self.refused("codes-000001.h5")


if __name__ == "__main__":
    unittest.main()
