// What most tests include, precompiled for sanitizer builds: see cc.bzl. No file includes this one.
#ifndef GITOPS_TOOLS_BAZEL_TEST_HEADERS_H_
#define GITOPS_TOOLS_BAZEL_TEST_HEADERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/bazel/common_headers.h"

#endif  // GITOPS_TOOLS_BAZEL_TEST_HEADERS_H_
