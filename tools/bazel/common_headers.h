// What most files include, precompiled for sanitizer builds: see cc.bzl. No file includes this one.
#ifndef GITOPS_TOOLS_BAZEL_COMMON_HEADERS_H_
#define GITOPS_TOOLS_BAZEL_COMMON_HEADERS_H_

#include <google/protobuf/message.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#endif  // GITOPS_TOOLS_BAZEL_COMMON_HEADERS_H_
