#ifndef GITOPS_COMMON_AUDIT_REFUSALS_H_
#define GITOPS_COMMON_AUDIT_REFUSALS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/steady_time.h"
#include "gitops/record/v1/audit.pb.h"

namespace gitops {

// Which refused calls get an entry of their own, so that nobody can fill the audit with them: the
// first of each kind within a while. The others are counted, and the count gets an entry at the end
// of the while. The kind is caller, method and code; more than kMostKinds at a time count together.
// Not thread-safe.
class Refusals {
 public:
  static constexpr absl::Duration kWhile = absl::Minutes(10);
  static constexpr size_t kMostKinds = 64;

  // Whether `refused` gets an entry. If so, tell Stored() its number.
  bool Take(const record::v1::AuditEntry& refused, SteadyTime now);
  // The entry for `refused`, for which Take() was true, has this number.
  void Stored(const record::v1::AuditEntry& refused);

  // The entries of counts that are due: at the end of each while, or of all with `all`.
  std::vector<record::v1::AuditEntry> Due(SteadyTime now, absl::Time time, bool all);
  // When Due() has something next; Infinite(): not yet.
  SteadyTime next() const;

 private:
  struct Kind {
    record::v1::AuditEntry first;
    SteadyTime end;
    int64_t more = 0;
  };

  static std::string KeyOf(const record::v1::AuditEntry& refused);

  std::map<std::string, Kind> kinds_;  // the key of those beyond kMostKinds is empty
};

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_REFUSALS_H_
