#ifndef GITOPS_COMMON_CONFIG_CONFIG_PLACE_H_
#define GITOPS_COMMON_CONFIG_CONFIG_PLACE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace gitops {

// Where something stands in a config file. All places are equal: what only moved in its file has
// not changed.
struct ConfigPlace {
  std::shared_ptr<const std::string> file;  // null: in no file
  int line = 0;

  // `FILE:LINE`.
  std::string ToString() const;
  // `line 3`, or `FILE:3` if it is in another file than `reader`.
  std::string SeenFrom(const ConfigPlace& reader) const;

  bool operator==(const ConfigPlace&) const { return true; }
};

// An error in a config file.
struct ConfigFault {
  ConfigPlace place;
  std::string message;  // without the place
};

// INVALID_ARGUMENT: all of them, one per line, as `FILE:LINE: MESSAGE`; those of a file in the
// order of its lines, the files in the order in which they come first. OK: there are none.
absl::Status ToStatus(std::vector<ConfigFault> faults);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_CONFIG_PLACE_H_
