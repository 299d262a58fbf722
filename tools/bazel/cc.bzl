"""The C++ rules of this workspace: those of rules_cc, with precompiled headers in sanitizer builds.

Parsing the standard library, Abseil, Protobuf and GoogleTest takes nearly half of the time of a sanitizer build. The
other builds use no precompiled headers, so a file that lacks an include still fails there.
"""

load("@rules_cc//cc:defs.bzl", _cc_binary = "cc_binary", _cc_library = "cc_library", _cc_test = "cc_test")

cc_binary = _cc_binary

def _flags(headers):
    return select({
        "//tools/bazel:precompiled": ["-include-pch", "$(BINDIR)/tools/bazel/%s.pch" % headers],
        "//conditions:default": [],
    })

def _deps(headers):
    return select({
        "//tools/bazel:precompiled": ["//tools/bazel:%s_input" % headers],
        "//conditions:default": [],
    })

def cc_library(deps = [], copts = [], **kwargs):
    _cc_library(
        deps = deps + _deps("common_headers"),
        copts = copts + _flags("common_headers"),
        **kwargs
    )

def cc_test(deps = [], copts = [], **kwargs):
    _cc_test(
        deps = deps + _deps("test_headers"),
        copts = copts + _flags("test_headers"),
        **kwargs
    )
