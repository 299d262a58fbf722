#ifndef GITOPS_CTL_OUTPUT_DOCUMENT_H_
#define GITOPS_CTL_OUTPUT_DOCUMENT_H_

#include <string>

#include "common/json/json.h"

namespace gitops::ctl {

// JSON values as text for terminals and files: characters that would act on a terminal are escaped.

// Indented, with a newline at the end.
std::string JsonText(const Json& value);
// On one line, with a newline at the end.
std::string JsonLine(const Json& value);
// The same data as a YAML document. Strings stay strings: "yes", "0123" and "" are quoted.
std::string YamlText(const Json& value);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DOCUMENT_H_
