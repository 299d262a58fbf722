#ifndef GITOPS_AGENT_NIX_HYDRA_JSON_H_
#define GITOPS_AGENT_NIX_HYDRA_JSON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Hydra's answers as plain values. The readers take what Hydra's code sends, not only what its API
// description says: members that they do not need may be missing, null or of any type. Their errors
// are DATA_LOSS: the text is not JSON, or not of the form that is needed.

struct HydraBuild {
  int64_t id = 0;
  std::optional<bool> finished;   // none: it was not said
  std::optional<int64_t> status;  // 0: succeeded; none: not said, or not finished
  std::string job;                // any text
  // By name, as they were sent: a path may be empty, or no store path at all.
  std::map<std::string, std::string> outputs;
  std::vector<int64_t> evaluations;
};

// Whether the build is known to have finished with status 0.
bool Succeeded(const HydraBuild& build);
// Whether it is known that the build has not succeeded.
bool IsKnownNotToHaveSucceeded(const HydraBuild& build);

// The path of the output "out". FAILED_PRECONDITION names the build and its outputs: there is no
// such output, or no object of `store` at its path.
absl::StatusOr<std::string> OutputOf(const HydraBuild& build, absl::string_view store);

// A build.
absl::StatusOr<HydraBuild> ReadBuild(absl::string_view json);

// An array of builds. Only the members of HydraBuild are ever in memory beside the text.
absl::StatusOr<std::vector<HydraBuild>> ReadBuilds(absl::string_view json);

// A page of a jobset's evaluations.
struct HydraEvaluations {
  std::vector<int64_t> ids;  // newest first
  std::string next;          // "?page=2"; empty: it is the last page
};
absl::StatusOr<HydraEvaluations> ReadEvaluations(absl::string_view json);

// The first line of the errors of a jobset's evaluation, escaped; empty: there were none.
absl::StatusOr<std::string> ReadErrors(absl::string_view json);

// What an error answer says, escaped and short; empty: nothing that is JSON.
std::string ReadErrorAnswer(absl::string_view json);

}  // namespace gitops

#endif  // GITOPS_AGENT_NIX_HYDRA_JSON_H_
