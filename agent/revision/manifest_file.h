#ifndef GITOPS_AGENT_REVISION_MANIFEST_FILE_H_
#define GITOPS_AGENT_REVISION_MANIFEST_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/revision/revision.h"

namespace gitops {

// A manifest on disk: lines, the last of which has the number of entries, so that a truncated file
// is detected. It is format 2; format 1, of the former layout, has the number of its revision too.

// INVALID_ARGUMENT: a path or cover contains a newline.
absl::StatusOr<std::string> EncodeManifest(const Manifest& manifest);

// DATA_LOSS: truncated, or not a manifest; the message names `file`.
absl::StatusOr<Manifest> DecodeManifest(absl::string_view text, const std::string& file);

// The number in the beginning of a manifest of format 1; 0: it has none.
int64_t FormerSequence(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_MANIFEST_FILE_H_
