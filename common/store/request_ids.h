#ifndef GITOPS_COMMON_STORE_REQUEST_IDS_H_
#define GITOPS_COMMON_STORE_REQUEST_IDS_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/table.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/request.pb.h"

namespace gitops {

struct RequestIdLimits {
  absl::Duration life = absl::Hours(24);
  size_t count = 100'000;
};

// Makes a creating call with a request_id happen once: a repeat within a day gets the resource of
// the first call. Ids belong to a caller and a method. Keys: PREFIX then HASH, RequestEntry.
// Failed calls are not remembered. All entries are also kept in memory, about 300 bytes each. Any
// thread.
class RequestIds {
 public:
  // `store` and `clock` are not owned; `prefix` is a literal that ends in '/'.
  RequestIds(Store* store, const char* prefix, Clock* clock, RequestIdLimits limits = {})
      : store_(store), entries_(store, prefix), clock_(clock), limits_(limits) {}

  // A call while it is handled. Repeats wait until it is destroyed. One thread.
  class Claim {
   public:
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    // The resource of an earlier call; empty: none yet.
    const std::string& made() const { return made_; }
    // The writes to make together with the new resource; empty: the call has no request_id.
    std::vector<StoreWrite> Record(const std::string& resource);
    // Call it when that write was made.
    void Stored();

   private:
    friend class RequestIds;
    Claim(RequestIds* ids, std::string name, std::string content_hash);

    RequestIds* const ids_;
    const std::string name_;  // of its row; empty: the call has no request_id
    const std::string content_hash_;
    std::string made_;
    absl::Time time_ = absl::InfinitePast();
  };

  // `caller` as PrincipalKey(). `request` has a string `request_id`, which may be empty. Waits
  // while a call with the same id is handled, or until `give_up` (may be empty) says so: CANCELLED.
  // ALREADY_EXISTS: the id was used for another request. RESOURCE_EXHAUSTED: too many ids are
  // kept. INVALID_ARGUMENT: the id is too long. Others as Store's.
  absl::StatusOr<std::unique_ptr<Claim>> Enter(const std::string& caller,
                                               const google::protobuf::Message& request,
                                               const std::function<bool()>& give_up);

 private:
  struct Known {
    std::string content_hash, resource;
    absl::Time time;
  };

  absl::Status ReadAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets expired ids, a bounded number per call.
  void Expire() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remember(const std::string& name, Known known) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store* const store_;
  const Table<record::v1::RequestEntry> entries_;
  Clock* const clock_;
  const RequestIdLimits limits_;
  Mutex mutex_;
  CondVar changed_;
  bool read_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);  // by name
  // Names in known_, oldest first; a time older than in known_ means that the id was used again.
  std::deque<std::pair<absl::Time, std::string>> order_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> in_flight_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_REQUEST_IDS_H_
