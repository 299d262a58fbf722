#ifndef GITOPS_CTL_COMMANDS_BUNDLE_H_
#define GITOPS_CTL_COMMANDS_BUNDLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// Files that become one .tar.gz, collected in a temporary directory that only this account may
// read.
class Bundle {
 public:
  // `name` is the directory in which all files of the archive are. UNAVAILABLE: no directory can be
  // created.
  static absl::StatusOr<Bundle> Begin(const std::string& name);
  Bundle(Bundle&& other) noexcept;
  ~Bundle();

  // `path` is relative; its directories are created.
  absl::Status Add(const std::string& path, absl::string_view text);
  // In `directory`: version.txt, config.toml, log.txt, metrics.txt.
  absl::Status Add(const std::string& directory, const v1::DebugInfo& info);

  // Writes the archive. ALREADY_EXISTS: the file is there, and is left as it is.
  absl::Status Pack(const std::string& file) const;

 private:
  Bundle(std::string directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)) {}

  std::string directory_;  // empty: moved from
  std::string name_;
};

// ALREADY_EXISTS: the file is there, and Bundle::Pack would refuse it. Empty: OK.
absl::Status CheckAbsent(const std::string& file);

// A name from outside as the name of a file: other characters than letters, digits, '.', '-' and
// '_' are written as %XX.
std::string FileName(absl::string_view name);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_BUNDLE_H_
