#ifndef GITOPS_COMMON_API_HTTP_PATH_H_
#define GITOPS_COMMON_API_HTTP_PATH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The path of a request, in the terms of google.api.http rules: /v1/services/a%3Ab:freeze has the
// segments "v1", "services" and "a:b", and the verb "freeze".
struct HttpPath {
  std::vector<std::string> segments;
  // Empty: none.
  std::string verb;
};

// Splits `path`, which has no query, at each '/', splits the verb from the last segment at its last
// ':', then decodes percent escapes in the segments. A ':' in a name at the end of a path is
// therefore written %3A.
//
// INVALID_ARGUMENT, with the reason: the path does not start with '/'; a segment is empty, "." or
// ".."; an escape is not '%' and two hexadecimal digits; a decoded segment contains '/', a control
// character, or bytes that are not UTF-8; a ':' at the end.
absl::StatusOr<HttpPath> ParseHttpPath(absl::string_view path);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_HTTP_PATH_H_
