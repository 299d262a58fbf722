#ifndef GITOPS_AGENT_OPERATION_REDACT_H_
#define GITOPS_AGENT_OPERATION_REDACT_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Removes secrets from a text: as a whole and line by line, but not in another encoding.
class Redactor {
 public:
  void Add(absl::string_view secret);
  // `text` with "[secret]" for each secret. Empty if a secret in it is too short to tell from
  // ordinary text.
  std::string Apply(absl::string_view text) const;
  // The same for the end of a longer text: also removes what may be the rest of a secret whose
  // start was cut off.
  std::string ApplyToEnd(absl::string_view text) const;

 private:
  // The longest first, so that no secret is broken up by a shorter one.
  struct Longer {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  std::set<std::string, Longer> pieces_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_REDACT_H_
