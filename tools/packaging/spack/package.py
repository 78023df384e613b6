# Copyright of mpiae's authors; this recipe may be used like those of Spack.
from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class Mpiae(CMakePackage):
    """Trainer of autoencoders, data-parallel over MPI, of the same bits on any number of ranks."""

    # Change: where the repository is. `spack develop --path CLONE mpiae@main` builds a clone as it stands instead.
    git = "file:///path/to/mpiae"

    version("main", branch="main")

    variant("onednn", default=True, description="Convolutions by oneDNN")
    variant("report", default=True, description="What mpiae-report needs")

    generator("ninja")

    depends_on("c", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("git", type="build")

    depends_on("mpi", type=("build", "link", "run"))
    # Serial or parallel, as other programs want it.
    depends_on("hdf5@1.10.5:+hl")
    depends_on("openblas")
    depends_on("jansson")
    depends_on("libyaml")
    depends_on("xxhash@0.8:")
    depends_on("zlib-api")
    # Only threads of OpenMP can be held to train.threads.
    depends_on("onednn@2.5:3 cpu_runtime=omp", when="+onednn")

    with when("+report"):
        depends_on("python@3.9:", type="run")
        depends_on("py-h5py", type="run")
        depends_on("py-matplotlib", type="run")
        depends_on("py-numpy", type="run")

    depends_on("cmocka", type="test")

    # Without threads train.threads would have no effect.
    requires("^openblas threads=pthreads", "^openblas threads=openmp", policy="one_of")

    def cmake_args(self):
        return [
            self.define("BUILD_TESTING", self.run_tests),
            self.define_from_variant("MPIAE_ONEDNN", "onednn"),
        ]

    def check(self):
        # Whole runs of the program, labelled so, want mpirun, SLURM and half an hour.
        with working_dir(self.build_directory):
            ctest("--label-exclude", "whole")
