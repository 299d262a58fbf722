#ifndef GITOPS_COMMON_PATH_READ_FILE_H_
#define GITOPS_COMMON_PATH_READ_FILE_H_

#include <cstddef>
#include <limits>
#include <string>

#include "absl/status/statusor.h"

namespace gitops {

// The whole content of a file. `most`: the most bytes that are accepted. Errors: by errno,
// NOT_FOUND only if there is no such file; RESOURCE_EXHAUSTED: it is longer than `most`. They name
// the file.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          size_t most = std::numeric_limits<size_t>::max());
// The same for a file that is open for reading, from its position on. `name` is for errors.
absl::StatusOr<std::string> ReadToEnd(int file, const std::string& name,
                                      size_t most = std::numeric_limits<size_t>::max());

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_READ_FILE_H_
