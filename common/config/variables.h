#ifndef GITOPS_COMMON_CONFIG_VARIABLES_H_
#define GITOPS_COMMON_CONFIG_VARIABLES_H_

#include <initializer_list>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Variables in values of a fleet config.
inline constexpr absl::string_view kMachineVariable = "${machine}";  // the host's name
inline constexpr absl::string_view kServiceVariable = "${service}";

// OK if `text` has no variables but `known`. INVALID_ARGUMENT names the first other one and the
// nearest known one.
absl::Status CheckVariables(absl::string_view text, std::initializer_list<absl::string_view> known);

// Replaces each occurrence of `variable`. Returns whether there was one.
bool SetVariable(absl::string_view variable, absl::string_view value, std::string& text);

bool HasVariable(absl::string_view variable, absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_VARIABLES_H_
