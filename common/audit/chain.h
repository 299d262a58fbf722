#ifndef GITOPS_COMMON_AUDIT_CHAIN_H_
#define GITOPS_COMMON_AUDIT_CHAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gitops/record/v1/audit.pb.h"
#include "gitops/v1/audit.pb.h"

namespace gitops {

// The chain of an audit's entries: plain functions. Each entry has its number and the hash of the
// entry before it, and its hash is that of its stored bytes.

inline constexpr absl::string_view kAuditEntries = "audit/v1/entry/";
inline constexpr absl::string_view kAuditHead = "audit/v1/head";
inline constexpr absl::string_view kAuditCheckpoint = "audit/v1/checkpoint";

// The key of an entry in the store. In the order of the numbers.
std::string AuditKey(int64_t number);
// 0: it is no key of an entry.
int64_t AuditNumber(absl::string_view key);

// What an audit should be.
struct ChainBounds {
  // The last entry that was removed by age or size: its number and hash. 0: none was.
  int64_t removed = 0;
  std::string removed_hash;
  // The last entry: its number and hash.
  int64_t count = 0;
  std::string hash;
  // Other entries whose hashes are known from elsewhere.
  std::vector<v1::AuditHead> known;
};

// Checks the entries of an audit, one after the other in the order of their keys. Finds entries
// that were removed, changed, moved or added, in the middle and at both ends. Not thread-safe.
class ChainCheck {
 public:
  explicit ChainCheck(ChainBounds bounds);

  void Take(absl::string_view key, absl::string_view stored);
  // After the last entry.
  void Finish();

  int64_t first() const { return first_; }
  int64_t checked() const { return checked_; }
  // At most 100; the last says if there were more.
  const std::vector<v1::AuditProblem>& problems() const { return problems_; }

 private:
  static constexpr size_t kMostProblems = 99;  // and a last one that says so

  void Report(int64_t number, std::string message);
  void CheckKnown(int64_t number, absl::string_view hash);

  const ChainBounds bounds_;
  int64_t first_ = 0;
  int64_t checked_ = 0;
  // Of the entry before.
  int64_t number_ = 0;
  std::string hash_;
  std::vector<v1::AuditProblem> problems_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_CHAIN_H_
