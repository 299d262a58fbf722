#ifndef GITOPS_COMMON_RPC_RESUME_TOKEN_H_
#define GITOPS_COMMON_RPC_RESUME_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/error.h"

namespace gitops {

inline constexpr char kResumePrefix[] = "revision:";

// A watch of the store resumes after this revision.
inline std::string ResumeToken(int64_t revision) { return absl::StrCat(kResumePrefix, revision); }

// 0: no token. INVALID_ARGUMENT: not a token of these watches.
inline absl::StatusOr<int64_t> ReadResumeToken(absl::string_view token) {
  int64_t revision = 0;
  if (token.empty()) return revision;
  if (absl::ConsumePrefix(&token, kResumePrefix) && absl::SimpleAtoi(token, &revision) &&
      revision > 0) {
    return revision;
  }
  return InvalidField("resume_token", "resume_token is not one that this method gave out");
}

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_RESUME_TOKEN_H_
