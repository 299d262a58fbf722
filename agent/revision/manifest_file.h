#ifndef GITOPS_AGENT_REVISION_MANIFEST_FILE_H_
#define GITOPS_AGENT_REVISION_MANIFEST_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/revision/revision.h"

namespace gitops {

// A manifest as it lies on disk: lines, the last of which says how many entries there are, so that
// a file that was cut short is never taken for a whole one.
struct StoredManifest {
  int64_t sequence = 0;  // grows with each commit to the store
  Manifest manifest;
};

// INVALID_ARGUMENT: a path or cover holds a newline.
absl::StatusOr<std::string> EncodeManifest(const StoredManifest& stored);

// DATA_LOSS: cut short or not a manifest; `file` is named in the message.
absl::StatusOr<StoredManifest> DecodeManifest(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_MANIFEST_FILE_H_
