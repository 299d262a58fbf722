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
// is detected.
struct StoredManifest {
  int64_t sequence = 0;  // grows with each revision of the store
  Manifest manifest;
};

// INVALID_ARGUMENT: a path or cover contains a newline.
absl::StatusOr<std::string> EncodeManifest(const StoredManifest& stored);

// DATA_LOSS: truncated, or not a manifest; the message names `file`.
absl::StatusOr<StoredManifest> DecodeManifest(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_MANIFEST_FILE_H_
