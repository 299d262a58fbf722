"""gitops_proto: C++ and gRPC code from .proto files, with Debian's protoc and grpc_cpp_plugin."""

load("//tools/bazel:cc.bzl", "cc_library")

def gitops_proto(name, srcs, deps = [], grpc = False):
    """Generates a C++ library from protos that lie in this package.

    Args:
      name: the cc_library.
      srcs: .proto files of this package; imports are written from the workspace's `proto` folder.
      deps: other gitops_proto targets whose files are imported.
      grpc: also generate service stubs.
    """
    stems = [src[:-len(".proto")] for src in srcs]
    outs = []
    for stem in stems:
        outs += [stem + ".pb.h", stem + ".pb.cc"]
        if grpc:
            outs += [stem + ".grpc.pb.h", stem + ".grpc.pb.cc"]
    native.filegroup(
        name = name + "_protos",
        srcs = srcs + [dep + "_protos" for dep in deps],
        visibility = ["//visibility:public"],
    )
    plugin = "--grpc_out=$(GENDIR)/proto --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin " if grpc else ""
    native.genrule(
        name = name + "_generate",
        srcs = srcs + [dep + "_protos" for dep in deps],
        outs = outs,
        cmd = ("/usr/bin/protoc -Iproto -I/usr/include --cpp_out=$(GENDIR)/proto " + plugin +
               " ".join(["$(location %s)" % src for src in srcs])),
    )
    cc_library(
        name = name,
        srcs = [out for out in outs if out.endswith(".cc")],
        hdrs = [out for out in outs if out.endswith(".h")],
        copts = ["-Wno-deprecated-declarations"],
        strip_include_prefix = "/proto",
        visibility = ["//visibility:public"],
        deps = [dep for dep in deps] + ["//third_party:grpc" if grpc else "//third_party:protobuf"],
    )
