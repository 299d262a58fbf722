"""Repository rules that make Debian 12's Bazel 4.2.3 and its rule packages work together, offline."""

def _debian_rules_cc_impl(ctx):
    # rules_cc 0.0.4 asks @bazel_tools for use_cpp_toolchain, which Bazel 4.2.3 lacks.
    source = "/usr/share/bazel/rules/cc"
    result = ctx.execute(["cp", "-rL", source + "/.", "."])
    if result.return_code != 0:
        fail("Copying %s failed: %s. Is bazel-rules-cc installed (tools/install-deps)?" % (source, result.stderr))
    for path in ["cc/private/rules_impl/compiler_flag.bzl", "cc/private/rules_impl/cc_flags_supplier.bzl"]:
        text = ctx.read(path)
        text = text.replace(', "use_cpp_toolchain")', ")")
        text = text.replace("use_cpp_toolchain()", '["@bazel_tools//tools/cpp:toolchain_type"]')
        ctx.file(path, text)

debian_rules_cc = repository_rule(
    implementation = _debian_rules_cc_impl,
    local = True,
    doc = "Debian's bazel-rules-cc, mended for Bazel 4.2.3.",
)

def _empty_coverage_tools_impl(ctx):
    ctx.file("WORKSPACE", "")
    ctx.file(
        "BUILD",
        'filegroup(name = "coverage_report_generator", visibility = ["//visibility:public"])\n',
    )

empty_coverage_tools = repository_rule(
    implementation = _empty_coverage_tools_impl,
    doc = "Stands in for @remote_coverage_tools, which `bazel test` names but does not use.",
)
