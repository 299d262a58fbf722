#ifndef GITOPS_AGENT_RECORD_RECORD_H_
#define GITOPS_AGENT_RECORD_RECORD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/state/state.h"
#include "common/store/store.h"

namespace gitops {

// The history kept of each service.
inline constexpr int kKeptChanges = 100;

// Service records and their history in a Store. Keys: agent/v1/service/NAME, and
// agent/v1/change/NAME/SEQUENCE (20 digits). Values are a protobuf (agent/record/record.proto), so
// that a newer agent reads what an older one wrote. Any thread.
class RecordStore {
 public:
  explicit RecordStore(Store* store) : store_(store) {}  // not owned

  // None: never stored. DATA_LOSS: unreadable; UNAVAILABLE.
  absl::StatusOr<std::optional<ServiceRecord>> Load(const std::string& service);

  // Stores the record and, if given, a change, in one write; drops changes beyond kKeptChanges.
  absl::Status Save(const std::string& service, const ServiceRecord& record,
                    const std::optional<ChangeRecord>& change);

  // Newest first.
  absl::StatusOr<std::vector<ChangeRecord>> Changes(const std::string& service);

 private:
  Store* store_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_RECORD_H_
