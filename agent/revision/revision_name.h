#ifndef GITOPS_AGENT_REVISION_REVISION_NAME_H_
#define GITOPS_AGENT_REVISION_REVISION_NAME_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Names in <mount>/<service>.
inline constexpr char kNewPrefix[] = ".new-";  // being written
inline constexpr char kDelPrefix[] = ".del-";  // being removed
inline constexpr char kStageName[] = ".stage";
inline constexpr char kPublishedName[] = ".published";
inline constexpr char kLeftBehindName[] = ".left-behind";
// In a revision's directory.
inline constexpr char kManifestName[] = "manifest";
inline constexpr char kDurableName[] = "durable";
inline constexpr char kTreeName[] = "tree";
// The former layout: a directory moved aside (".old-7-COMMIT"), and the manifest beside it.
inline constexpr char kOldPrefix[] = ".old-";
inline constexpr char kManifestSuffix[] = ".manifest";

// Whether it can begin a directory's name.
bool IsRevisionName(absl::string_view name);

struct RevisionName {
  std::string revision;
  int64_t sequence = 0;
};
// "COMMIT-7"; nothing for other names.
std::optional<RevisionName> ParseRevisionName(absl::string_view directory);

// Whether a revision's directory of this name is of the former layout.
bool IsFormerName(absl::string_view directory);
// Where the manifest of a directory is, relative to the service's.
std::string ManifestIn(absl::string_view directory);

// The number in any name of this folder, also of the former layout; 0: it has none.
int64_t SequenceIn(absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_REVISION_NAME_H_
