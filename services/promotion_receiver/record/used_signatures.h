#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_USED_SIGNATURES_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_USED_SIGNATURES_H_

#include <deque>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/store/store.h"
#include "common/store/table.h"
#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// Signatures of approvals that were used, until they are stale. Not thread-safe. Errors are those
// of Store.
class UsedSignatures {
 public:
  // `store` is not owned; `prefix` is a literal.
  UsedSignatures(Store* store, const char* prefix) : store_(store), table_(store, prefix) {}

  absl::Status Read();
  // As PromotionStore::UseSignature.
  absl::Status Use(absl::string_view hex, absl::Time now, absl::Duration keep);

 private:
  Store* const store_;
  const Table<record::v1::UsedSignature> table_;
  std::deque<std::pair<absl::Time, std::string>> used_;  // oldest first
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_USED_SIGNATURES_H_
