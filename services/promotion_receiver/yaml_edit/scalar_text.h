#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_SCALAR_TEXT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_SCALAR_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

enum class ScalarStyle { kPlain, kSingleQuoted, kDoubleQuoted, kBlock };

// How a scalar stands in the text.
struct ScalarForm {
  ScalarStyle style = ScalarStyle::kPlain;
  bool in_flow = false;  // within [] or {}
  bool tagged = false;   // with a tag such as !!str, which decides about its type
};

// The text of a scalar with the value `value` that replaces one with the value `old` in `form`,
// which is not a block scalar. Quotes stay. A plain scalar gets double quotes if `value` would be
// invalid without them, or would be read as a number, boolean, null or time by some YAML 1.1 or 1.2
// parser; but a number that replaces a number of its kind stays plain if no digit would be lost.
// `value` has no control characters.
std::string ScalarText(absl::string_view value, absl::string_view old, const ScalarForm& form);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_EDIT_SCALAR_TEXT_H_
