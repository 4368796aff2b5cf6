# make demo    install what is missing, build, and solve the main example
# make check   install what is missing, build, and run all tests, sanitizers (make sanitize, make threads) and fuzzers
# make         build/release/talweg
# make bench   side by side with peers: bench/results.md, docs/benchmarks/programs.md, docs/benchmarks/implicit.md
# make bench-qp  quadratic programs against Ipopt and HiGHS, some minutes: docs/benchmarks/qp.md
# make recipes what each recipe must show, measured: recipes/NAME/results.md
# make check-avx512  tests of the vector loops on an emulated processor with AVX-512, some minutes
# make docs    API reference in docs/api
.PHONY: all demo check check-avx512 tests sanitize threads bench bench-qp recipes docs install clean packages-build packages-check

JOBS ?= $(shell nproc)
preset = cmake --preset $(1) >build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; cmake --build --preset $(1) --parallel $(JOBS) | tail -n 1

all: packages-build
	@mkdir -p build
	@$(call preset,release)

demo: all
	@build/release/examples/ridge examples/data/diabetes.csv
	@build/release/talweg solve examples/ridge-path.tw --quiet --plot build/ridge-path.svg >/dev/null
	@echo "plot: build/ridge-path.svg"

check: packages-check tests sanitize threads

tests: all
	@ctest --preset release --parallel $(JOBS)

# The same tests and a short fuzzer run, built by the other compiler with the address and undefined-behaviour sanitizers.
sanitize:
	@mkdir -p build
	@$(call preset,fuzz)
	@ctest --preset fuzz --parallel $(JOBS)

# Not in check: the emulator is slow.
check-avx512: packages-check all
	@tools/check-avx512

# The tests that have work in several threads or processes at once, and what they need, by the thread sanitizer.
threads:
	@mkdir -p build
	@$(call preset,tsan)
	@ctest --preset tsan --parallel $(JOBS)

bench: packages-build
	@tools/install-packages bench
	@$(MAKE) --no-print-directory all
	@bench/run
	@bench/logreg.py build/release/bench/talweg_logreg docs/benchmarks/logreg.md
	@build/release/bench/talweg_implicit examples/data/diabetes.csv docs/benchmarks/implicit.md
	@bench/programs.py build/release/talweg tests/data/nl docs/benchmarks/programs.md
	@bench/programs_mps.py build/release/talweg tests/data/mps docs/benchmarks/programs.md

bench-qp: packages-build
	@tools/install-packages bench
	@$(MAKE) --no-print-directory all
	@bench/qp.py build/release/bench/talweg_qp docs/benchmarks/qp.md

recipes: all
	@for recipe in recipes/*/run; do $$recipe || exit 1; done

docs:
	@tools/install-packages docs
	@doxygen docs/Doxyfile

install: all
	@cmake --install build/release

clean:
	rm -rf build

packages-build:
	@tools/install-packages build

packages-check:
	@tools/install-packages build check
