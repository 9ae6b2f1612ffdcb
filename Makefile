# The developers' front door; Meson does the work (tools/build says with which options). `make help` lists all.
.DEFAULT_GOAL := build
.PHONY: build check test fast slow fmt asan tsan fuzz bench demo setup install clean help

build: ## build the program: build/rushes (the default)
	@bash tools/setup build
	@bash tools/build release

check: ## what ./check does: every test, with sanitizers
	@./check

test: build ## the tests of the release build, one after another as they come: NAME='base/*' picks
	@tools/run-tests build --no-suite bench --no-suite slow $(if $(NAME),--name '$(NAME)')

slow: ## ./check with what takes long: fuzzers, long kill loops
	@./check --slow

fmt: ## settle the form of the code (clang-format 14)
	@bash tools/setup format
	@bash tools/fmt

asan: ## build and test with address and undefined sanitizers: NAME='queue/*' picks
	@bash tools/setup build check
	@bash tools/build --quiet check
	@tools/run-tests build-check --no-suite bench --no-suite source --no-suite slow --slower 4 $(if $(NAME),--name '$(NAME)')

tsan: ## build with the thread sanitizer and run tests: NAME='base/chan' (needed)
	@bash tools/setup build check
	@bash tools/build --quiet tsan
	@tools/run-tests build-tsan --slower 4 --name '$(or $(NAME),base/chan)' --wrap 'setarch -R'

fuzz: ## run the fuzzers: NAME=query SECONDS=600
	@bash tools/fuzz --seconds $(or $(SECONDS),60) $(NAME)

bench: build ## the benchmarks, each against a named peer
	@tools/run-tests build --suite bench -j 1 -v

demo: ## what ./demo does
	@./demo

setup: ## install what building, testing and the demo need
	@bash tools/setup build run check demo format

clean: ## remove the build folders and the demo's data
	rm -rf build build-* build*.lock .demo

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
