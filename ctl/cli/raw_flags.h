#ifndef GITOPS_CTL_CLI_RAW_FLAGS_H_
#define GITOPS_CTL_CLI_RAW_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ctl/cli/invocation.h"

namespace gitops::ctl {

// A command line split into words and flags, not yet interpreted.
struct RawCommandLine {
  struct Value {
    std::string text;
    std::string origin;  // "--timeout" or "GITOPS_TIMEOUT", for messages
    bool by_flag = false;
    std::vector<std::string> all;  // all values, in order; `text` is the last
  };
  std::vector<std::string> words;          // all arguments that are not flags
  std::vector<std::string> unknown_flags;  // as written
  std::map<std::string, Value> flags;      // by long name; a flag without a value has "true"
};

// Separates flags and words, in any order. INVALID_ARGUMENT: a value is missing.
absl::StatusOr<RawCommandLine> SplitCommandLine(const std::vector<std::string>& arguments,
                                                const Environment& environment);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_RAW_FLAGS_H_
