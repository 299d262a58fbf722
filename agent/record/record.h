#ifndef GITOPS_AGENT_RECORD_RECORD_H_
#define GITOPS_AGENT_RECORD_RECORD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/state/state.h"
#include "common/git/commit.h"
#include "common/store/store.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/record.pb.h"

namespace gitops {

// The history kept of each service.
inline constexpr int kMaxKeptChanges = 100;

// A branch, as services follow it. `upstream` has no credentials.
struct BranchName {
  std::string upstream, user, branch;
};

// Service records and their history in a Store. Keys: agent/v1/service/NAME, agent/v1/copy/NAME (a
// copy of what must survive a damaged record: who froze or pinned it, where, and what is
// published for which paths), agent/v1/change/NAME/SEQUENCE (20 digits) and agent/v1/tip/BRANCH
// USER UPSTREAM. Values are the protobufs of proto/gitops/record/v1/record.proto: a newer agent
// reads records of an older one, and an older one keeps the fields that it does not know.
// Thread-safe.
class RecordStore {
 public:
  explicit RecordStore(Store* store);  // not owned

  // None: never stored. A record that cannot be read whole is rebuilt: from itself, if only some
  // text is not UTF-8 (earlier agents stored such), else from its copy, else, frozen, from the
  // newest change that can be read; `rebuilt`, if given, is then set to how, and the log says so.
  // It is frozen too if it is in a state that only a newer agent knows. DATA_LOSS: none of these
  // can be read. UNAVAILABLE: nor can the store.
  absl::StatusOr<std::optional<ServiceRecord>> Load(const std::string& service,
                                                    std::string* rebuilt = nullptr);

  // Stores the record and, if given, a change, in one write; drops changes beyond kMaxKeptChanges.
  // A damaged record is replaced. INVALID_ARGUMENT: a name that is empty or has a '/'.
  absl::Status Save(const std::string& service, const ServiceRecord& record,
                    const std::optional<ChangeRecord>& change);

  // The same for several services in one write, which costs one flush of the disk. Each has its own
  // result: an error of one does not fail the others. What was written together although that was
  // reported as failed is not written again.
  struct Saving {
    std::string service;
    ServiceRecord record;
    std::optional<ChangeRecord> change;
  };
  std::vector<absl::Status> SaveAll(const std::vector<Saving>& all);

  // Stores that `services`, which follow `branch`, are at `hash`, which is `commit` if that is
  // known, instead of what was stored of `branch`; each with the generation of the record in which
  // that was seen. A record with a greater one is newer, whichever was stored first.
  using Generations = std::map<std::string, int64_t>;
  absl::Status SaveTip(const BranchName& branch, const std::string& hash, const CommitInfo& commit,
                       const Generations& services);
  // The newest that is known so of `service`, of any branch; none: nothing. A branch whose row is
  // damaged or cannot be read has none, and the log names it: its services are verified again. The
  // first call reads all branches, the others nothing, or one branch where not all can be read.
  struct Tip {
    std::string hash;  // empty: it is of another branch than `branch`
    int64_t generation = 0;
    CommitInfo commit;  // of hash, if that is known
  };
  std::optional<Tip> VerifiedTip(const std::string& service, const BranchName& branch);

  // Newest first. Entries that cannot be read are left out, and logged.
  absl::StatusOr<std::vector<ChangeRecord>> Changes(const std::string& service);

 private:
  // What Save writes.
  absl::StatusOr<std::vector<StoreWrite>> WritesOf(const std::string& service,
                                                   const ServiceRecord& record,
                                                   const std::optional<ChangeRecord>& change);
  // Whether the newest that is stored of the service is this.
  bool IsStored(const Saving& saving) const;
  absl::Status SaveTogether(const std::vector<Saving>& all);
  absl::StatusOr<record::v1::ChangeRecord> RepairedChange(const std::string& key);
  absl::StatusOr<ServiceRecord> Rebuild(const std::string& service, absl::string_view stored,
                                        std::string* rebuilt);

  struct BranchTip {
    std::string branch;  // the name of its row
    std::string hash;
    CommitInfo commit;
  };
  struct ServiceTip {
    std::shared_ptr<const BranchTip> at;
    int64_t generation = 0;
  };
  using ServiceTips = std::unordered_map<std::string, ServiceTip>;  // by service
  using TipRow = Table<record::v1::VerifiedTip>::Row;
  absl::Status ListTips() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadTip(const std::string& branch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void AddRow(const TipRow& row, ServiceTips& newest);
  static void AddTip(const std::string& branch, const record::v1::VerifiedTip& tip,
                     ServiceTips& newest);

  Store* const store_;
  const Table<record::v1::ServiceRecord> records_;
  const Table<record::v1::ServiceRecord> copies_;
  const Table<record::v1::ChangeRecord> changes_;
  const Table<record::v1::VerifiedTip> tips_;

  Mutex mutex_;
  ServiceTips newest_ ABSL_GUARDED_BY(mutex_);  // of what was read
  // Of the tips; DATA_LOSS: never of all together, as a row cannot be read.
  absl::Status listed_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("not read yet");
  std::set<std::string> read_
      ABSL_GUARDED_BY(mutex_);  // names of rows that were read by themselves
};

}  // namespace gitops

#endif  // GITOPS_AGENT_RECORD_RECORD_H_
