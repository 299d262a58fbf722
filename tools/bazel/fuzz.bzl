"""gitops_fuzz_target: a libFuzzer target, and a test that runs it over its corpus."""

load("//tools/bazel:cc.bzl", "cc_binary", "cc_test")

def gitops_fuzz_target(name, srcs, deps, corpus, tags = ["no-tsan"]):
    """Makes `NAME`, for tools/fuzz, and the test `NAME_corpus_test`, which needs no fuzzer.

    Args:
      name: ends in _fuzz.
      srcs: define LLVMFuzzerTestOneInput, which ends the process where something is wrong.
      deps: of both.
      corpus: files, each one input.
      tags: of the test; by default it has one thread.
    """
    cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        linkopts = ["-fsanitize=fuzzer"],
        tags = [
            "fuzz",
            "manual",
        ],
        deps = deps,
    )
    cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = srcs + ["//tools/bazel:fuzz_replay.cc"],
        args = ["$(rootpath %s)" % file for file in corpus],
        data = corpus,
        tags = tags,
        deps = deps,
    )
