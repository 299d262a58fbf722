#ifndef GITOPS_AGENT_OPERATION_REDACT_H_
#define GITOPS_AGENT_OPERATION_REDACT_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// Takes secrets out of a text. Knows them whole and line by line; not in another encoding.
class Redactor {
 public:
  void Add(absl::string_view secret);
  // `text` with "[secret]" for each; nothing of it, where it holds a secret too short to be told
  // from chance.
  std::string Apply(absl::string_view text) const;
  // The same for a text that was longer: what may be the rest of a secret whose beginning is cut
  // off goes too.
  std::string ApplyToEnd(absl::string_view text) const;

 private:
  // The longest first, so that none is spoiled by a part of it.
  struct Longer {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  std::set<std::string, Longer> pieces_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_REDACT_H_
