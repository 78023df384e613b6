"""tools/report.py on runs and result files made here: full, poor and broken ones. CTest runs it by tools/python."""
import base64
import contextlib
import io
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np
from matplotlib.image import imread

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import check_grid  # noqa: E402
import pictures  # noqa: E402
import report  # noqa: E402

SIDE = 8
METRICS = """epoch,step,train_loss,test_loss,train_kl,label_nmi,label_acc
1,10,120.5,,9.5,,
2,20,104.25,106,11,0.5,0.625
"""


def run(main, *words):
    """(status, standard output, standard error) of a program."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


def colour(number):
    """One that no text and no other number has."""
    return 250, 10 + 3 * number, 60


def plain(numbers):
    """Pictures (…, 3, SIDE, SIDE) of one colour each."""
    numbers = np.asarray(numbers)
    values = np.array([colour(number) for number in numbers.flat], "f4") / 255
    return np.broadcast_to(values.reshape(*numbers.shape, 3, 1, 1), (*numbers.shape, 3, SIDE, SIDE))


def pixels(png):
    return np.rint(255 * imread(io.BytesIO(png))[:, :, :3]).astype(int)


class Base(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.run_directory = Path(scratch.name) / "a <run>"
        self.run_directory.mkdir()
        self.metrics(METRICS)

    def write(self, name, kind=None, attributes=(), **datasets):
        path = self.run_directory / name
        with h5py.File(path, "w") as file:
            if kind:
                file.attrs["mpiae_format"] = kind
            file.attrs.update(attributes)
            for dataset, values in datasets.items():
                file[dataset] = values
        return path

    def write_film(self, epoch, **datasets):
        self.write(f"samples-{epoch:06}.h5", "film", {"epoch": epoch}, **datasets)

    def page(self, count, *skipped):
        """The page of a good run; it must hold `count` whole pictures, and only these files may be skipped."""
        status, said, warned = run(report.main, self.run_directory)
        self.assertEqual(status, 0, warned)
        self.assertEqual(warned.count("\n"), len(skipped), warned)
        for line, name in zip(warned.splitlines(), skipped, strict=True):
            self.assertRegex(line, f"^report.py: skipped .*/{re.escape(name)}: .")
        text = (self.run_directory / "report.html").read_text(encoding="utf-8")
        found = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', text)]
        self.assertEqual(len(found), count)
        self.assertTrue(all(picture.startswith(b"\x89PNG") for picture in found))
        self.assertNotIn("src=\"http", text)
        self.found = found
        return text, said

    def refused(self, path, part, *words):
        status, _, said = run(report.main, path, *words)
        self.assertEqual(status, 3)
        self.assertIn(part, said)
        self.assertEqual(said.count("\n"), 1)
        self.assertNotRegex(said, r"Errno|Error|object at|dtype|convert|argument")

    def picture(self, path):
        out = path.with_suffix(".png")
        self.assertEqual(run(report.main, path, "--out", out), (0, "", ""))
        return pixels(out.read_bytes())

    def boxes(self, shown, numbers, count=1):
        """Where each colour is, (top, left); `count` cells of it, whole and crisp, must be there."""
        places = []
        for number in numbers:
            rows, columns = np.nonzero((shown == colour(number)).all(axis=2))
            self.assertGreater(len(rows), 0, number)
            zoom = (len(rows) / count / SIDE**2) ** 0.5
            self.assertEqual(zoom, round(zoom), f"colour {number} has {len(rows)} pixels")
            places.append((rows.min(), columns.min()))
        return places

    def axes(self, path):
        return pictures.draw_file(path)[1].axes[0]

    def title(self, path):
        return self.axes(path).get_title(loc="left")

    def metrics(self, text):
        (self.run_directory / "metrics.csv").write_text(text, encoding="utf-8")

    def absent(self, shown, numbers):
        for number in numbers:
            self.assertFalse((shown == colour(number)).all(axis=2).any(), number)


class RunTest(Base):
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
        self.assertNotIn("codes-000001.h5", text)
        self.assertIn("model: vhe # &lt;b&gt;", text)
        self.assertIn("a &lt;run&gt;", text)
        self.assertIn("104.25 nats per example after epoch 2", said)
        self.assertIn("match the known classes with NMI 0.50, ACC 0.62", said)

    def test_only_metrics(self):
        text, _ = self.page(3)
        self.assertNotIn("Codes", text)

    def test_as_a_program(self):
        command = [sys.executable, TOOLS / "report.py", self.run_directory, "--out", self.run_directory / "page.html"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Last epoch", (self.run_directory / "page.html").read_text(encoding="utf-8"))

    def test_without_packages(self):
        command = [sys.executable, "-E", "-S", TOOLS / "report.py", self.run_directory]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        said = "report.py: error: this Python has no numpy: run it as tools/python tools/report.py\n"
        self.assertEqual((done.returncode, done.stderr), (2, said))

    def test_names_that_tell_another_kind(self):
        picture, page = self.run_directory / "r.png", self.run_directory / "r.html"
        samples = self.write("samples.h5", "samples", x=plain([0]))
        self.refused(self.run_directory, "a run gives a page, so give a name that ends in .html", "--out", picture)
        self.refused(samples, "a file gives a picture, so give a name that ends in .png", "--out", page)
        self.refused(samples, "ends in .png", "--out", samples)
        self.assertFalse(picture.exists() or page.exists())
        self.refused(self.run_directory, "No such file or directory", "--out", self.run_directory / "absent/r.html")

    def test_terms_of_the_loss(self):
        def sections(text):
            self.metrics("epoch,train_loss," + text)
            found = report.curve_sections(report.read_metrics(self.run_directory / "metrics.csv"), "nats per example")
            return [(title, re.search('alt="[^"]*: ([^"]*)"', shown)[1]) for title, shown in found if shown]

        self.assertEqual(sections("train_cross_entropy,train_kl_c,train_kl_z,test_label_price\n1,9,5,1,3,2\n"), [
            ("Loss", "train_loss"), ("Reconstruction term of the loss", "train_cross_entropy"),
            ("Divergences of the loss and the price of labels", "train_kl_c, train_kl_z, test_label_price")])
        names = "train_squared_error,test_loss,test_squared_error\n1,9,9,,\n"
        self.assertEqual([title for title, _ in sections(names + "2,8,8,5,5\n")], ["Loss"])
        self.assertEqual(len(sections(names + "2,8,8,5,4\n")), 2)

    def test_units_of_the_loss(self):
        def units(text):
            (self.run_directory / "config.yaml").write_text(text, "utf-8")
            return report.units_of(self.run_directory)

        self.assertEqual(report.units_of(self.run_directory), "nats per example")
        self.assertEqual(units("model: vqvae\nnetwork:\n  likelihood: auto\n"), "shares of the variance")
        self.assertEqual(units("model: vqvae\nnetwork:\n  likelihood: categorical\n"), "nats per number of an example")
        self.assertEqual(units("model: set-ae\nset:\n  stage: autoencoder\n"), "squared distance")
        for text in ("model: set-ae\nset:\n  stage: size\n", "model: set-vae\n", "model: vhe\n"):
            self.assertEqual(units(text), "nats per example")

    def test_curves_of_a_term_share_a_colour(self):
        names = ["train_kl_c", "train_kl_z", "test_kl_z", "test_price"]
        metrics = {name: np.arange(3.0) for name in ["epoch", *names]}
        lines = report.draw_curves(metrics, names, "nats").axes[0].lines
        self.assertEqual([line.get_linestyle() for line in lines], ["-", "-", "--", "--"])
        colours = [line.get_color() for line in lines]
        self.assertEqual(colours[1], colours[2])
        self.assertEqual(len(set(colours)), 3)

    def test_flat_and_colour_samples(self):
        self.write("samples-000001.h5", x=np.zeros((3, 784), "f4"))
        self.page(4)
        self.write("samples-000002.h5", x=np.full((5, 3, 8, 8), 255, "u1"))
        self.assertIn("samples-000002.h5", self.page(4)[0])
        self.write("samples-000003.h5", x=np.zeros((3, 7), "f4"))
        self.page(3)

    def test_every_kind(self):
        self.write("codes-000002.h5", "codes", z_mean=np.zeros((4, 2), "f4"))
        self.write("encoded.h5", "codes", z_mean=np.zeros((4, 2), "f4"), label=np.array([-1, 0, 1, 2], "i4"))
        self.write("grid.h5", "samples", x=np.zeros((4, 3, 1, 8, 8), "f4"), z_0=np.arange(3.0), z_1=np.arange(4.0))
        self.write("line.h5", "interpolation", {"from": 3, "to": 9}, x=np.zeros((5, 64), "f4"))
        self.write("pairs.h5", "reconstructions", x=np.zeros((4, 64), "f4"), reconstruction=np.ones((4, 64), "f4"))
        self.write("samples.h5", "samples", x=np.zeros((2, 3, 8, 8), "f4"), pseudo_label=np.array([1, -1], "i4"))
        self.write("swap.h5", "samples", x=np.zeros((2, 2, 1, 8, 8), "f4"))
        self.write_film(1, sampled=np.zeros((2, 64), "f4"))
        text, _ = self.page(11)
        titles = ["Codes (codes-000002.h5)", "Film of training (samples-000001.h5)", "Codes (encoded.h5)",
                  "Latent plane (grid.h5)", "Interpolation (line.h5)", "Reconstructions (pairs.h5)",
                  "Samples (samples.h5)", "Table of codes (swap.h5)"]
        self.assertEqual(re.findall(r"<h2>([^<]*\.h5\))</h2>", text), titles)

    def test_junk_is_skipped(self):
        self.write("samples.h5", "samples", x=np.zeros((2, 64), "f4"))
        (self.run_directory / "broken.h5").write_bytes(b"rubbish")
        (self.run_directory / "checkpoint-000000001.h5").write_bytes(b"not read")
        (self.run_directory / "directory.h5").mkdir()
        self.write("foreign.h5", temperature=np.zeros(5))
        self.write("group.h5", "samples", **{"x/y": np.zeros(5)})
        self.write("later.h5", "of a later version", x=np.zeros((2, 64)))
        self.write("lost.h5", "reconstructions", x=np.zeros((2, 64), "f4"))
        self.write("number.h5", x=np.float32(3))
        self.write("text.h5", x=np.full((4, 4), b"word"))
        self.write("vectors.h5", "samples", x=np.zeros((4, 7), "f4"))
        skipped = ["broken.h5", "directory.h5", "foreign.h5", "group.h5", "lost.h5", "number.h5", "text.h5"]
        text, _ = self.page(4, *skipped)
        self.assertIn("Samples (samples.h5)", text)

    def test_no_epoch_yet(self):
        self.metrics("epoch,step,train_loss\n")
        self.page(0)

    def test_no_metrics(self):
        (self.run_directory / "metrics.csv").unlink()
        self.refused(self.run_directory, "no metrics.csv in it: this is no run, or its first epoch is not finished")
        self.refused(self.run_directory / "absent", "there is no such run or file")

    def test_broken_metrics(self):
        for text in ("epoch,train_loss\n1,x\n", "step,train_loss\n1,2\n", "epoch,train_loss\n1,2,3\n"):
            self.metrics(text)
            self.refused(self.run_directory, "not a table of numbers")

    def test_broken_codes(self):
        (self.run_directory / "codes-000001.h5").write_bytes(b"rubbish")
        self.refused(self.run_directory, "codes-000001.h5: this is not an HDF5 file")
        path = self.write("codes-000001.h5", "codes", z_mean=np.zeros((3, 2)), label=np.zeros(2, "i4"))
        self.refused(self.run_directory, "codes-000001.h5: damaged, or its datasets are not as mpiae writes them\n")
        path.write_bytes(path.read_bytes()[:1000])
        self.refused(path, "codes-000001.h5: damaged")
        self.refused(self.write("lost.h5", "reconstructions", x=plain([0])), "object 'reconstruction' doesn't exist")


class FilmTest(Base):
    def film(self, *skipped):
        self.page(4, *skipped)
        return pixels(self.found[-1])

    def test_many_epochs(self):
        for epoch in range(1, 31):
            self.write_film(epoch, x=plain(np.full(20, 50)), reconstruction=plain(np.full(20, epoch)),
                            sampled=plain(np.full(3, 30 + epoch)))
        shown = self.film()
        self.boxes(shown, [50], 16)
        there = [epoch for epoch in range(1, 31) if (shown == colour(epoch)).all(axis=2).any()]
        self.assertEqual((len(there), there[0], there[-1]), (12, 1, 30))
        self.assertLessEqual(max(np.diff(there)), 3)
        decoded, samples = self.boxes(shown, there, 16), self.boxes(shown, [30 + epoch for epoch in there], 3)
        self.assertEqual(samples + decoded, sorted(samples + decoded))
        paths = sorted(self.run_directory.glob("samples-*.h5"))
        titles = [axes.get_title(loc="left") for axes in pictures.draw_film(paths, self.fail).axes]
        self.assertEqual(", ".join(titles), "samples, 12 of 30 epochs, 16 of 20 examples and their reconstructions, "
                                            "12 of 30 epochs")
        self.assertEqual(self.title(paths[0]), "samples")
        top = self.boxes(shown, [50], 16)[0]
        self.assertTrue(samples[-1] < top < decoded[0])

    def test_without_samples(self):
        for epoch in (1, 2, 10):
            self.write_film(epoch, x=plain([50]), reconstruction=plain([epoch]))
        places = self.boxes(self.film(), [50, 1, 2, 10])
        self.assertEqual(places, sorted(places))
        names = [label.get_text() for axes in self.figure(10).axes for label in axes.get_yticklabels()]
        self.assertEqual(names, ["input", "epoch 10"])

    def figure(self, epoch):
        return pictures.draw_file(self.run_directory / f"samples-{epoch:06}.h5")[1]

    def test_examples_that_are_no_pictures(self):
        for epoch in (1, 2):
            self.write_film(epoch, x=np.zeros((3, 7)), reconstruction=np.zeros((3, 7)), sampled=np.zeros((3, 7)))
        self.page(3)

    def test_files_that_do_not_belong(self):
        for epoch in range(1, 6):
            self.write_film(epoch, sampled=plain([epoch, epoch]))
        self.write_film(2, sampled=plain([2]))
        (self.run_directory / "samples-000003.h5").write_bytes(b"rubbish")
        (self.run_directory / "samples-000005.h5").write_bytes(b"rubbish")
        shown = self.film("samples-000005.h5", "samples-000003.h5", "samples-000002.h5")
        self.boxes(shown, [1, 4], 2)
        self.absent(shown, [2, 3, 5])

    def test_reconstructions_of_nothing(self):
        self.write_film(1, sampled=plain([1]))
        self.write_film(2, sampled=plain([2]), reconstruction=plain([3]))
        self.write_film(3, sampled=plain([2]), reconstruction=plain([3, 4]), x=plain([3]))
        self.boxes(self.film("samples-000003.h5", "samples-000002.h5"), [1])

    def test_only_rubbish(self):
        (self.run_directory / "samples-000003.h5").write_bytes(b"rubbish")
        self.page(3, "samples-000003.h5")


class PictureTest(Base):
    def test_samples(self):
        path = self.write("samples.h5", "samples", x=plain(range(5)), pseudo_label=np.array([7, 8, 9, 7, -1], "i4"))
        places = self.boxes(self.picture(path), range(5))
        self.assertEqual(places, sorted(places))
        self.assertEqual(places[0][1], places[3][1])
        axes = self.axes(path)
        self.assertEqual([text.get_text() for text in axes.texts], ["7", "8", "9", "7", ""])
        self.assertIn("pseudo-label", axes.get_title(loc="left"))

    def test_captions_are_seen(self):
        def band(number, **labels):
            """What lies between the title and a picture of the first row: of one colour when no text is in it."""
            shown = self.picture(self.write("captions.h5", **given, **labels))
            top, left = self.boxes(shown, [number])[0]
            return shown[pictures.mosaic.TITLE : top, left : left + 6 * SIDE]

        for given in ({"x": plain([1, 2])}, {"x": plain([1, 2]), "reconstruction": plain([3, 4])}):
            for number in (1, 2):
                self.assertGreater(np.ptp(band(number, label=np.array([8, 8]))), 100)
            unlabelled = band(1)
            self.assertEqual(np.ptp(unlabelled), 0)
            self.assertEqual(band(1, label=np.array([-1, -1])).shape, unlabelled.shape)
            self.assertLess(len(unlabelled), len(band(1, label=np.array([8, -1]))))

    def test_headings(self):
        def check(heading, title, kind="samples", **attributes):
            path = self.write("data.h5", kind, attributes, x=plain(range(3)))
            with h5py.File(path, "a") as file:
                file["x"].attrs["description"] = "what the codes are decoded to" if "codes" in title else "samples"
            self.assertEqual((pictures.draw_file(path)[0], self.title(path)), (heading, title))

        check("Examples", "3 examples of data.h5", "dataset")
        check("Decoded codes", "3 decoded codes")
        check("Samples", "3 samples")
        check("Samples", "3 samples like t.h5:3,13", like="t.h5:3,13")
        check("Samples", "3 samples like t.h5:7", like=np.bytes_("t.h5:7"))
        check("Samples", "3 samples like t.h5:" + 27 * "3," + "…", like="t.h5:" + 99 * "3,")

    def test_grey_and_flat_samples(self):
        grey = np.zeros((2, 1, SIDE, SIDE), "f4")
        grey[1] = 200 / 255
        for values in (grey, grey.reshape(2, -1), grey[:, 0], np.rint(255 * grey).astype("u1")):
            shown = self.picture(self.write("samples.h5", "samples", x=values))[pictures.mosaic.TITLE :]
            self.assertEqual((shown == 200).all(axis=2).sum(), (shown == 0).all(axis=2).sum())
            self.assertGreaterEqual((shown == 200).all(axis=2).sum(), SIDE**2)

    def test_what_is_not_a_number_is_red(self):
        values = plain([0, 0]).copy()
        values[1, 0, 2, 3] = np.nan
        shown = self.picture(self.write("samples.h5", "samples", x=values))
        red = (shown == (200, 0, 0)).all(axis=2).sum()
        self.assertEqual((shown == colour(0)).all(axis=2).sum(), (2 * SIDE**2 - 1) * red)

    def test_many_samples_say_so(self):
        path = self.write("samples.h5", "samples", x=plain(np.zeros(300, int)))
        self.boxes(self.picture(path), [0], 100)
        self.assertIn("100 of 300 samples", self.title(path))

    def test_plane(self):
        numbers = np.arange(6).reshape(3, 2)
        path = self.write("grid.h5", "samples", x=plain(numbers), z_0=np.array([-1.5, 1]), z_1=np.array([-2.0, 0, 4]))
        # from the top: z_1 = 4, 0, -2
        self.check_plane(path, [4, 5, 2, 3, 0, 1])
        path = self.write("grid.h5", "samples", x=plain(numbers), z_0=np.array([1, -1.5]), z_1=np.array([4.0, -2, 0]))
        self.check_plane(path, [1, 0, 5, 4, 3, 2])

    def check_plane(self, path, order):
        places = self.boxes(self.picture(path), order)
        self.assertEqual(places, sorted(places))
        self.check_axes(path, ["4.00", "0.00", "-2.00"], ["-1.50", "1.00"], "z_0", "z_1")

    def check_axes(self, path, rows, columns, *labels):
        axes = self.axes(path)
        self.assertEqual([label.get_text() for label in axes.get_xticklabels()], columns)
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()], rows)
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), labels)

    def test_coordinates_differ(self):
        self.assertEqual(pictures.coordinates(np.array([3.0911, 3.0914, 3.1], "f4")), ["3.0911", "3.0914", "3.1000"])
        self.assertEqual(pictures.coordinates(np.array([1.5, 1.5, -0.001])), ["1.50", "1.50", "0.00"])

    def test_large_plane_keeps_its_corners(self):
        numbers = np.full((150, 150), 9)
        numbers[[0, 0, -1, -1], [0, -1, 0, -1]] = [1, 2, 3, 4]
        path = self.write("grid.h5", "samples", x=plain(numbers), z_0=np.arange(150.0), z_1=np.arange(150.0))
        places = self.boxes(self.picture(path), [3, 4, 1, 2])
        self.assertEqual(places, sorted(places))
        self.assertIn("of 150 rows", self.title(path))

    def test_plane_of_vectors(self):
        x = np.zeros((2, 2, 16), "f4")
        path = self.write("grid.h5", "samples", x=x, z_0=np.arange(2.0), z_1=np.arange(2.0))
        self.picture(path)
        path = self.write("swap.h5", "samples", x=x, c_row=np.zeros(2), z_column=np.zeros(2))
        self.assertEqual(pictures.draw_file(path)[0], "Table of codes")

    def test_table(self):
        numbers = np.arange(6).reshape(2, 3)
        path = self.write("swap.h5", "samples", x=plain(numbers), c_row=np.zeros(2), z_column=np.zeros(3))
        places = self.boxes(self.picture(path), range(6))
        self.assertEqual(places, sorted(places))
        axes = {"c_row": np.array([3, 27]), "z_column": np.array([3, 13, 27])}
        path = self.write("swap.h5", "samples", {"like": "t.h5:3,13,27"}, x=plain(numbers), **axes)
        self.check_axes(path, ["3", "27"], ["3", "13", "27"], "z of example", "c of example")
        self.assertEqual(self.title(path), "codes of t.h5:3,13,27")
        path = self.write("swap.h5", "samples", x=plain(numbers))
        self.check_axes(path, ["0", "1"], ["0", "1", "2"], "z of code", "c of code")

    def test_pairs(self):
        label = np.array([5, 6, -1], "i4")
        given, decoded = plain(range(3)), plain(range(3, 6))
        path = self.write("pairs.h5", "reconstructions", x=given, reconstruction=decoded, label=label)
        places = np.array(self.boxes(self.picture(path), range(6)))
        self.assertTrue((places[:3, 0] == places[0, 0]).all() and (places[3:, 0] > places[0, 0]).all())
        self.assertEqual(places[:3, 1].tolist(), places[3:, 1].tolist())
        self.assertEqual([text.get_text() for text in self.axes(path).texts], ["5", "6", ""])

    def test_strip(self):
        path = self.write("line.h5", "interpolation", {"from": 4, "to": 17}, x=plain(range(40)))
        shown = self.picture(path)
        places = self.boxes(shown, [0, 39])
        self.assertEqual(places[0][0], places[1][0])
        there = sum((shown == colour(number)).all(axis=2).any() for number in range(40))
        self.assertEqual(there, 16)
        self.assertEqual(self.title(path), "from example 4 to 17, 16 of 40 steps")

    def test_sets_of_points(self):
        corners = np.array([[0, 0], [0, 0.99], [0.99, 0], [np.nan, 0]], "f4")
        sets = {"points": corners, "offset": np.array([0, 2, 2, 4])}
        made = {"reconstruction_points": corners[:3], "reconstruction_offset": np.array([0, 1, 2, 3])}
        with h5py.File(self.write("pairs.h5", "reconstructions", **sets, **made)) as file:
            drawn, decoded = pictures.images(file, "x"), pictures.images(file, "reconstruction")
            self.assertEqual([len(drawn), len(decoded)], [3, 3])
            last = drawn.shape[-1] - 1
            dots = [np.argwhere(picture[0]).tolist() for picture in drawn[:]]
            self.assertEqual(dots, [[[0, 0], [0, last]], [], [[last, 0]]])
            self.assertEqual(np.argwhere(decoded[[1]][0, 0]).tolist(), [[0, last]])
        self.assertEqual(self.title(self.run_directory / "pairs.h5"), "examples above their reconstructions")
        far = self.write("far.h5", "samples", points=corners[:3] * 100 - 7, offset=np.array([0, 3]))
        with h5py.File(far) as file:
            self.assertEqual(pictures.images(file, "x")[:].sum(), 3)
        self.picture(far)
        self.picture(self.write("line.h5", "interpolation", **sets))
        self.picture(self.write("film.h5", "film", **sets, **made, sampled_points=corners, sampled_offset=np.array([0, 4])))
        self.refused(self.write("space.h5", "samples", points=np.zeros((2, 3)), offset=np.array([0, 2])), "in the plane")

    def test_codes_in_the_latent_plane(self):
        codes = np.array([[100, 1], [101, 2], [102, 1.5]], "f4")
        path = self.write("codes.h5", "codes", z_mean=codes, label=np.array([0, 1, -1], "i4"))
        axes = self.axes(path)
        unknown, known = axes.collections
        self.assertEqual(known.get_offsets().tolist(), codes[:2].tolist())
        self.assertEqual(unknown.get_offsets().tolist(), codes[2:].tolist())
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("z_0", "z_1"))
        self.assertTrue(len(axes.get_xticks()) and len(axes.get_yticks()))
        self.picture(path)

    def test_codes_of_other_widths(self):
        draw = np.random.default_rng(2)
        for width in (1, 20):
            path = self.write("codes.h5", "codes", z_mean=draw.normal(size=(30, width)))
            self.assertEqual(len(self.axes(path).get_yticks()), 0)
            self.picture(path)

    def test_codes_that_are_not_finite(self):
        codes = np.random.default_rng(3).normal(size=(30, 20))
        codes[4, 7] = np.nan
        axes = self.axes(self.write("codes.h5", "codes", z_mean=codes))
        places = np.asarray(axes.collections[0].get_offsets(), dtype=float)
        self.assertEqual(np.isfinite(places).all(axis=1).sum(), 29)

    def test_codes_of_one_example(self):
        self.refused(self.write("codes.h5", "codes", z_mean=np.zeros((1, 20))), "fewer than two finite codes")

    def test_default_name(self):
        path = self.write("samples.h5", "samples", x=plain([0]))
        self.assertEqual(run(report.main, path)[0], 0)
        self.boxes(pixels(path.with_suffix(".png").read_bytes()), [0])

    def test_no_picture(self):
        self.refused(self.write("c.h5", "checkpoint", x=np.zeros((2, 64))), "no picture of a file of format 'check")
        self.refused(self.write("v.h5", "samples", x=np.zeros((2, 7))), "are no pictures")
        self.refused(self.write("e.h5", "samples", x=np.zeros((0, 64))), "empty")
        self.refused(self.write("f.h5", "film", x=np.zeros((2, 64))), "neither samples nor reconstructions")
        self.refused(self.write("z.h5", "codes", z_mean=np.zeros((0, 2))), "no codes")
        self.refused(self.run_directory / "metrics.csv", "metrics.csv")
        self.refused(self.run_directory / "absent.h5", "absent.h5")


class CheckGridTest(Base):
    def setUp(self):
        super().setUp()
        draw = np.random.default_rng(3)
        label = np.arange(5001, dtype="i4") % 3 - 1
        x = draw.integers(0, 100, size=(5001, 1, 4, 4), dtype="u1")
        x[label == 1] += 150
        self.data = self.write("data.h5", x=x, label=label)

    def grid(self, ones):
        """A 4 x 4 grid in which so many cells are of class 1."""
        values = np.where(np.arange(16) < ones, 200, 50) / 255
        return self.write("grid.h5", x=np.broadcast_to(values.reshape(4, 4, 1, 1, 1), (4, 4, 1, 4, 4)))

    def test_counts(self):
        found = run(check_grid.main, self.grid(5), self.data, "--classes", 2)
        said = "class 0: 11 cells\nclass 1: 5 cells\n2 classes have 5 cells or more; 2 are wanted\n"
        self.assertEqual(found, (0, said, ""))
        self.assertEqual(run(check_grid.main, self.grid(4), self.data, "--classes", 2)[0], 1)
        self.assertEqual(run(check_grid.main, self.grid(4), self.data, "--classes", 2, "--cells", 4)[0], 0)
        self.assertEqual(run(check_grid.main, self.grid(5), self.data)[0], 1)

    def test_neighbours(self):
        draw = np.random.default_rng(4)
        cells, pixels_of_data = draw.random((7, 6)), draw.random((check_grid.BLOCK + 50, 6))
        distance = ((cells[:, None] - pixels_of_data[None]) ** 2).sum(axis=2)
        expected = np.argsort(distance, axis=1)[:, : check_grid.NEIGHBOURS]
        self.assertEqual(check_grid.nearest(cells, pixels_of_data).tolist(), expected.tolist())
        self.assertEqual(check_grid.vote(np.array([[2, 0, 0, 2, 1], [1, 1, 1, 0, 0]])).tolist(), [0, 1])

    def test_refused(self):
        for grid, data, part in (
            (self.data, self.data, "cells are (4, 4)"),
            (self.write("flat.h5", x=np.zeros((3, 16))), self.data, "no grid"),
            (self.write("nan.h5", x=np.full((2, 2, 16), np.nan)), self.data, "not finite"),
            (self.write("wide.h5", x=np.zeros((2, 2, 25))), self.data, "cells are (25,)"),
            (self.grid(3), self.write("unlabelled.h5", x=np.zeros((9, 16))), "no labels"),
            (self.grid(3), self.write("few.h5", x=np.zeros((4, 16)), label=np.zeros(4, "i4")), "fewer than 5"),
        ):
            status, _, said = run(check_grid.main, grid, data)
            self.assertEqual(status, 1)
            self.assertIn(part, said)


if __name__ == "__main__":
    unittest.main()
