#ifndef GITOPS_COMMON_RPC_PRIVATE_FILES_H_
#define GITOPS_COMMON_RPC_PRIVATE_FILES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Files in memory that only this process can open, by a path: for libraries that take keys as
// files. Nothing reaches a disk or outlives the process. One thread at a time; paths may be opened
// meanwhile.
class PrivateFiles {
 public:
  explicit PrivateFiles(const std::vector<std::string>& names);
  ~PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

  // An error of the constructor.
  const absl::Status& status() const { return status_; }
  // Cannot be opened before the first Replace().
  std::string Path(const std::string& name) const;
  // Who opens the path sees the old or the new content, never a part.
  absl::Status Replace(const std::string& name, absl::string_view content);

 private:
  std::map<std::string, int> files_;
  absl::Status status_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_PRIVATE_FILES_H_
