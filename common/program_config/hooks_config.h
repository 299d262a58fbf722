#ifndef GITOPS_COMMON_PROGRAM_CONFIG_HOOKS_CONFIG_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_HOOKS_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/secret.h"

namespace gitops {

// What a hook may do to the payload.
enum class HookMode {
  kTransform,  // anything
  kFilter,     // only remove
  kReadOnly,   // change nothing: its answer is ignored
};

// One [[hooks]]. docs/reference/hooks.md lists the keys.
struct HookSpec {
  std::string name;
  std::vector<std::string> points;
  std::string url;  // may contain a password: print RedactUrl(url) instead
  HookMode mode = HookMode::kTransform;
  absl::Duration timeout = absl::Seconds(10);  // of each attempt
  int retries = 2;
  bool ignore_errors = false;
  Secret key;  // empty: requests are not signed
  // PEM files, absolute; empty: the system's authorities, no client certificate.
  std::string ca_file, client_cert_file, client_key_file;

  bool IsFor(absl::string_view point) const;
};

// The [[hooks]] of a config file, in order, with the keys from their hmac_key_file. `file` is used
// in messages and as the base of relative paths. Other tables are skipped. INVALID_ARGUMENT: all
// errors, one per line, in the format of ParseFleetConfig; never a key.
absl::StatusOr<std::vector<HookSpec>> ParseHooks(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_HOOKS_CONFIG_H_
