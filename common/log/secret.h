#ifndef GITOPS_COMMON_LOG_SECRET_H_
#define GITOPS_COMMON_LOG_SECRET_H_

#include <string>
#include <utility>

namespace gitops {

// A value that must not be printed: it has no formatter and no conversion. Only Reveal() returns
// the text, so that all uses can be found.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_LOG_SECRET_H_
