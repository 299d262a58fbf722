#include "common/http/message.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {

std::string HttpServerRequest::Header(absl::string_view name) const {
  std::string value;
  bool found = false;
  for (const auto& [each, text] : headers) {
    if (!absl::EqualsIgnoreCase(each, name)) continue;
    absl::StrAppend(&value, found ? ", " : "", text);
    found = true;
  }
  return value;
}

}  // namespace gitops
