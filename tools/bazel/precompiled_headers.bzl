"""precompiled_headers: headers that every compiler run of a sanitizer build would parse anew."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _precompiled_headers_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    out = ctx.actions.declare_file(ctx.attr.name + ".pch")

    # Clang refuses a precompiled header whose flags differ from those of the file that uses it.
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        use_pic = True,
        user_compile_flags = ctx.fragments.cpp.cxxopts + ctx.fragments.cpp.copts,
    )
    flags = cc_common.get_memory_inefficient_command_line(
        feature_configuration = features,
        action_name = CPP_COMPILE_ACTION_NAME,
        variables = variables,
    )
    flags = flags + ["-fpch-instantiate-templates", "-Xclang", "-fno-pch-timestamp"]
    for header in ctx.attr.headers:
        flags += ["-include", header]

    # The compiler writes the paths of its main file and its folder into the result. Neither may be of this clone, since
    # the disk cache is shared by all clones.
    ctx.actions.run(
        executable = cc_common.get_tool_for_action(
            feature_configuration = features,
            action_name = CPP_COMPILE_ACTION_NAME,
        ),
        arguments = flags + ["-x", "c++-header", ctx.attr.main, "-o", out.path],
        env = dict(ctx.configuration.default_shell_env, PWD = "/proc/self/cwd"),
        inputs = toolchain.all_files,
        outputs = [out],
        mnemonic = "CppPrecompile",
        progress_message = "Precompiling the headers of %s" % ctx.label,
    )
    return [DefaultInfo(files = depset([out]))]

precompiled_headers = rule(
    implementation = _precompiled_headers_impl,
    attrs = {
        "main": attr.string(mandatory = True, doc = "The path of a header of the system."),
        "headers": attr.string_list(doc = "What comes before it, as it is included."),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
